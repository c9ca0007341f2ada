import { OpenIdConnectProvider } from "@pulumi/aws/iam/openIdConnectProvider.js";
import { Role } from "@pulumi/aws/iam/role.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment.js";
import * as pulumi from "@pulumi/pulumi";
import type { State } from "./state.ts";

/** Who may log in from GitHub. */
export interface WorkflowRolesArgs {
  readonly accountId: string;
  /** owner/name */
  readonly repository: string;
  /** Stacks of this account, each an environment of the repository. */
  readonly stacks: readonly string[];
  readonly state: State;
  /** The permissions boundary of every role that a deployment makes. */
  readonly boundaryArn: pulumi.Input<string>;
}

const ISSUER = "token.actions.githubusercontent.com";
/** An OpenSearch domain and a Multi-AZ database can outlast an hour. Seconds. */
const DEPLOY_SECONDS = 10_800;
/** What a preview may not read, though it reads the rest: data and secrets, by every way that ReadOnlyAccess has to them. */
const DATA = [
  "s3:GetObject",
  "s3:GetObjectVersion",
  "sqs:ReceiveMessage",
  "secretsmanager:GetSecretValue",
  "ssm:GetParameter*",
  "rds-db:connect",
  // The database's log and its Insights show statements with their values.
  "rds:Download*",
  "pi:*",
  "logs:GetLogEvents",
  "logs:FilterLogEvents",
  "logs:GetLogObject",
  "logs:GetLogRecord",
  "logs:StartQuery",
  "logs:GetQueryResults",
  "logs:StartLiveTail",
  "es:ESHttp*",
];

/**
 * The two roles of the workflows. A pull request's preview only reads, and neither data nor secrets; a deployment is made
 * from an environment, which may want an approval first. Forks get neither: their own runs have another subject, and GitHub
 * lets a pull request from one ask for no token.
 */
export class WorkflowRoles extends pulumi.ComponentResource {
  readonly preview: Role;
  readonly deploy: Role;

  constructor(name: string, args: WorkflowRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:account:WorkflowRoles", name, {}, opts);
    const { repository, stacks, state } = args;
    const child = { parent: this };
    const provider = new OpenIdConnectProvider(
      name,
      { url: `https://${ISSUER}`, clientIdLists: ["sts.amazonaws.com"] },
      child,
    );
    const role = (what: string, subjects: string[], maxSessionDuration: number) =>
      new Role(
        `${name}-${what}`,
        {
          name: `rates-${what}`,
          maxSessionDuration,
          assumeRolePolicy: pulumi.jsonStringify({
            Version: "2012-10-17",
            Statement: [
              {
                Effect: "Allow",
                Principal: { Federated: provider.arn },
                Action: "sts:AssumeRoleWithWebIdentity",
                Condition: { StringEquals: { [`${ISSUER}:aud`]: "sts.amazonaws.com", [`${ISSUER}:sub`]: subjects } },
              },
            ],
          }),
        },
        child,
      );
    this.preview = role("preview", [`repo:${repository}:pull_request`], 3_600);
    this.deploy = role(
      "deploy",
      stacks.map((stack) => `repo:${repository}:environment:${stack}`),
      DEPLOY_SECONDS,
    );

    const attach = (what: string, to: Role, policy: string) =>
      new RolePolicyAttachment(
        `${name}-${what}-${policy}`,
        { role: to.name, policyArn: `arn:aws:iam::aws:policy/${policy}` },
        child,
      );
    attach("preview", this.preview, "ReadOnlyAccess");
    attach("deploy", this.deploy, "PowerUserAccess");

    const objects = pulumi.interpolate`${state.bucket.arn}/*`;
    const useKey = {
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
      Resource: state.key.arn,
    };
    const policy = (what: string, to: Role, statements: object[]) =>
      new RolePolicy(
        `${name}-${what}`,
        { role: to.id, policy: pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements }) },
        child,
      );
    policy("preview", this.preview, [
      { Sid: "NoData", Effect: "Deny", Action: DATA, NotResource: [objects, ...PUBLIC_PARAMETERS] },
      { Effect: "Allow", Action: ["s3:GetObject"], Resource: objects },
      useKey,
    ]);
    const account = `arn:aws:iam::${args.accountId}`;
    policy("deploy", this.deploy, [
      // A role gets rights only under the account's boundary, so that none that is made here is an administrator's.
      {
        Effect: "Allow",
        Action: ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"],
        Resource: [`${account}:role/rates-*`],
        Condition: { StringEquals: { "iam:PermissionsBoundary": args.boundaryArn } },
      },
      // PowerUserAccess has all but IAM: of that only what is ours, and never these two roles themselves.
      {
        Effect: "Allow",
        Action: [
          "iam:DeleteRole",
          "iam:GetRole",
          "iam:TagRole",
          "iam:UntagRole",
          "iam:UpdateAssumeRolePolicy",
          "iam:ListRolePolicies",
          "iam:ListAttachedRolePolicies",
          "iam:ListInstanceProfilesForRole",
          "iam:GetRolePolicy",
          "iam:DeleteRolePolicy",
          "iam:DetachRolePolicy",
          "iam:PassRole",
          "iam:CreateInstanceProfile",
          "iam:DeleteInstanceProfile",
          "iam:GetInstanceProfile",
          "iam:TagInstanceProfile",
          "iam:UntagInstanceProfile",
          "iam:AddRoleToInstanceProfile",
          "iam:RemoveRoleFromInstanceProfile",
        ],
        Resource: [`${account}:role/rates-*`, `${account}:instance-profile/rates-*`],
      },
      // Unique ids of the roles and users that a stack's `callers` names.
      {
        Effect: "Allow",
        Action: ["iam:GetRole", "iam:GetUser"],
        Resource: [`${account}:role/*`, `${account}:user/*`],
      },
      {
        Sid: "NotItself",
        Effect: "Deny",
        // What forbids a preview to read data is a policy too, which may not be taken away.
        Action: [
          "iam:PutRolePolicy",
          "iam:DeleteRolePolicy",
          "iam:AttachRolePolicy",
          "iam:DetachRolePolicy",
          "iam:UpdateAssumeRolePolicy",
          "iam:DeleteRole",
          "iam:PassRole",
          "iam:PutRolePermissionsBoundary",
          "iam:DeleteRolePermissionsBoundary",
        ],
        Resource: [`${account}:role/rates-deploy`, `${account}:role/rates-preview`],
      },
      useKey,
    ]);
    this.registerOutputs({ preview: this.preview.arn, deploy: this.deploy.arn });
  }
}

/** What AWS itself publishes: the machine image of the EC2 runner is found there. */
const PUBLIC_PARAMETERS = ["arn:aws:ssm:*::parameter/aws/service/*"];
