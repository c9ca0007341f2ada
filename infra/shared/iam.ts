import { Role, RolePolicy, RolePolicyAttachment } from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";

/** One permission of a role. */
export interface Statement {
  /** IAM actions, for example `sqs:SendMessage`. */
  readonly actions: readonly string[];
  /** ARNs; `*` for actions without resource-level permissions, or if the ARNs are not known in advance. */
  readonly resources: readonly pulumi.Input<string>[];
  /** Conditions by operator and key, as in a policy document. */
  readonly conditions?: Readonly<
    Record<string, Readonly<Record<string, pulumi.Input<string> | pulumi.Input<string>[]>>>
  >;
}

/** Arguments of a role. */
export interface RoleArgs {
  /** Service that assumes this role, for example `lambda.amazonaws.com`. */
  readonly service: string;
  /** Permissions of the role. */
  readonly statements: readonly Statement[];
  /** ARNs of AWS managed policies. */
  readonly managedPolicyArns?: readonly string[];
}

/** Name of the account's permissions boundary for all roles that stacks create (stacks/account/boundary.ts). */
export const BOUNDARY = "rates-boundary";

/**
 * As a transformation of a resource: sets the account's permissions boundary on every role below that resource. The
 * deploy role may not create roles without it.
 */
export const withBoundary =
  (accountId: string): pulumi.ResourceTransformation =>
  ({ type, props, opts }) =>
    type === "aws:iam/role:Role"
      ? { props: { ...props, permissionsBoundary: `arn:aws:iam::${accountId}:policy/${BOUNDARY}` }, opts }
      : undefined;

/** Returns an allow statement in the form of a policy document. */
export const allowStatement = ({ actions, resources, conditions }: Statement) => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources,
  ...(conditions === undefined ? {} : { Condition: conditions }),
});

/** Returns a policy document of allow statements, followed by deny statements. */
export const policyDocument = (
  statements: readonly Statement[],
  denied: readonly object[] = [],
): pulumi.Output<string> =>
  pulumi.jsonStringify({ Version: "2012-10-17", Statement: [...statements.map(allowStatement), ...denied] });

/**
 * Creates the role of one component, which an AWS service assumes, with one inline policy for its permissions. Resources
 * that use the role must depend on its policies, which are separate resources.
 */
export function roleFor(
  name: string,
  { service, statements, managedPolicyArns = [] }: RoleArgs,
  opts: pulumi.CustomResourceOptions,
): { role: Role; policies: pulumi.Resource[] } {
  const role = new Role(
    name,
    {
      assumeRolePolicy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
      }),
    },
    opts,
  );
  const policies: pulumi.Resource[] = managedPolicyArns.map(
    (policyArn) =>
      new RolePolicyAttachment(`${name}-${policyArn.split("/").at(-1)}`, { role: role.name, policyArn }, opts),
  );
  if (statements.length > 0)
    policies.push(new RolePolicy(name, { role: role.id, policy: policyDocument(statements) }, opts));
  return { role, policies };
}

/**
 * Returns the permission to write to one log group.
 *
 * @param arn - ARN of the group without `:*`, as the LogGroup resource returns it.
 */
export const writeLogs = (arn: pulumi.Input<string>): Statement => ({
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  resources: [pulumi.interpolate`${arn}:*`],
});

/**
 * Permissions of a Lambda function in a VPC: the EC2 actions of the AWS managed policy
 * AWSLambdaVPCAccessExecutionRole, with its resources.
 */
export const NETWORK_INTERFACES: Statement = {
  actions: [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ],
  resources: ["*"],
};

/** Permissions to pull images of one repository; GetAuthorizationToken has no resource-level permissions. */
export const pullImage = (repositoryArn: pulumi.Input<string>): Statement[] => [
  { actions: ["ecr:GetAuthorizationToken"], resources: ["*"] },
  {
    actions: ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
    resources: [repositoryArn],
  },
];
