import type { ResourceType } from "../types.ts";
import { asText } from "../values.ts";
import { arn, globalArn, iamName, name, naming, uuid } from "./naming.ts";

/** Roles, keys, secrets and parameters. */
export const identityTypes: Readonly<Record<string, ResourceType>> = {
  "aws:iam/role:Role": {
    naming: naming("name", 64, "account", "EntityAlreadyExists", iamName),
    id: name,
    arn: ({ account, inputs, name }) => `arn:aws:iam::${account}:role${asText(inputs.path, "/")}${name}`,
    outputs: ({ hex }) => ({ uniqueId: `AROA${hex(17).toUpperCase()}`, createDate: "2025-01-01T00:00:00Z" }),
    defaults: { forceDetachPolicies: false, maxSessionDuration: 3600, path: "/" },
    replace: ["path"],
  },
  "aws:iam/policy:Policy": {
    naming: naming("name", 128, "account", "EntityAlreadyExists", iamName),
    id: globalArn("iam", "policy/"),
    arn: globalArn("iam", "policy/"),
    replace: ["description", "path"],
  },
  "aws:iam/rolePolicy:RolePolicy": {
    naming: naming("name", 128, "nowhere", "", iamName),
    id: ({ inputs, name }) => `${asText(inputs.role)}:${name}`,
    replace: ["role"],
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": { replace: ["role", "policyArn"] },
  "aws:iam/instanceProfile:InstanceProfile": {
    naming: naming("name", 128, "account", "EntityAlreadyExists", iamName),
    id: name,
    arn: globalArn("iam", "instance-profile/"),
  },
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
    naming: naming("url", 255, "account", "EntityAlreadyExists", undefined, false),
    id: ({ account, name }) => `arn:aws:iam::${account}:oidc-provider/${name.replace(/^https:\/\//, "")}`,
    outputs: ({ id }) => ({ arn: id }),
  },
  "aws:iam/serviceLinkedRole:ServiceLinkedRole": {
    naming: naming("awsServiceName", 128, "account", "InvalidInput: the role has been taken", undefined, false),
    id: ({ account, name }) => `arn:aws:iam::${account}:role/aws-service-role/${name}/AWSServiceRole`,
    outputs: ({ id }) => ({ arn: id, name: "AWSServiceRole", path: "/aws-service-role/" }),
  },
  "aws:kms/key:Key": {
    id: ({ hex }) => uuid(hex(32)),
    outputs: ({ id, region, account }) => ({ keyId: id, arn: `arn:aws:kms:${region}:${account}:key/${id}` }),
    defaults: { isEnabled: true, enableKeyRotation: false, keyUsage: "ENCRYPT_DECRYPT" },
    chosen: ["policy"],
    replace: ["keyUsage", "multiRegion"],
  },
  "aws:kms/alias:Alias": {
    naming: naming("name", 256, "region", "AlreadyExistsException", /^alias\/[\w/-]+$/, false),
    id: name,
    arn: arn("kms"),
    outputs: ({ inputs }) => ({ targetKeyArn: asText(inputs.targetKeyId) }),
  },
  "aws:secretsmanager/secret:Secret": {
    naming: naming("name", 512, "region", "ResourceExistsException", /^[\w/+=.@-]+$/),
    id: ({ region, account, name, hex }) => `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${hex(6)}`,
    outputs: ({ id }) => ({ arn: id }),
  },
  "aws:ssm/parameter:Parameter": {
    naming: naming("name", 1011, "region", "ParameterAlreadyExists", /^[\w./-]+$/),
    id: name,
    arn: ({ region, account, name }) => `arn:aws:ssm:${region}:${account}:parameter/${name.replace(/^\//, "")}`,
    outputs: () => ({ version: 1 }),
    changing: ["version"],
  },
};
