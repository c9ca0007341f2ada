import { OpenIdConnectProvider } from "@pulumi/aws/iam/openIdConnectProvider.js";
import { Policy } from "@pulumi/aws/iam/policy.js";
import { Role } from "@pulumi/aws/iam/role.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment.js";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument, type Statement } from "../../infra/shared/iam.ts";
import { permissionsArgs } from "./boundary.ts";
import { deploymentPermissions, previewPermissions, resourcePermissions } from "./deploymentPermissions.ts";
import type { State } from "./state.ts";

/** Arguments of the roles of the GitHub workflows. */
export interface WorkflowRolesArgs {
  readonly accountId: string;
  /** owner/name */
  readonly repository: string;
  /** Stacks of this account, each an environment of the repository. */
  readonly stacks: readonly string[];
  readonly state: State;
  /** Permissions boundary of the deploy role. */
  readonly boundaryArn: pulumi.Input<string>;
}

const ISSUER = "token.actions.githubusercontent.com";
/** Maximum session of the deploy role in seconds. An OpenSearch domain and a Multi-AZ database can take over an hour. */
const DEPLOY_SECONDS = 10_800;

/**
 * Two roles of the workflows. A pull request's preview may only read the state and make the program's look-ups; a
 * deployment runs in an environment, which may require an approval. Forks get neither role: their workflow runs have
 * another subject, and GitHub gives no token to their pull requests.
 */
export class WorkflowRoles extends pulumi.ComponentResource {
  readonly preview: Role;
  readonly deploy: Role;

  constructor(name: string, args: WorkflowRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:account:WorkflowRoles", name, {}, opts);
    const { repository, stacks } = args;
    const child = { parent: this };
    const provider = new OpenIdConnectProvider(
      name,
      { url: `https://${ISSUER}`, clientIdLists: ["sts.amazonaws.com"] },
      child,
    );
    const role = (suffix: string, subjects: string[], settings: Partial<ConstructorParameters<typeof Role>[1]>) =>
      new Role(
        `${name}-${suffix}`,
        {
          name: `rates-${suffix}`,
          ...settings,
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
    this.preview = role("preview", [`repo:${repository}:pull_request`], { maxSessionDuration: 3_600 });
    this.deploy = role(
      "deploy",
      stacks.map((stack) => `repo:${repository}:environment:${stack}`),
      { maxSessionDuration: DEPLOY_SECONDS, permissionsBoundary: args.boundaryArn },
    );
    const policy = (suffix: string, to: Role, statements: readonly Statement[]) =>
      new RolePolicy(`${name}-${suffix}`, { role: to.id, policy: policyDocument(statements) }, child);
    policy("preview", this.preview, previewPermissions(permissionsArgs(args)));
    policy("deploy", this.deploy, deploymentPermissions(permissionsArgs(args)));
    for (const [suffix, statements] of Object.entries(resourcePermissions(args.accountId))) {
      const { arn } = new Policy(
        `${name}-deploy-${suffix}`,
        { name: `rates-deployment-${suffix}`, description: `Deploying ${suffix}`, policy: policyDocument(statements) },
        // IAM cannot change a description, and an attached policy cannot be replaced.
        { ...child, ignoreChanges: ["description"] },
      );
      new RolePolicyAttachment(`${name}-deploy-${suffix}`, { role: this.deploy.name, policyArn: arn }, child);
    }
    this.registerOutputs({ preview: this.preview.arn, deploy: this.deploy.arn });
  }
}
