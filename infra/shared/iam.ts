import { Role, RolePolicy, RolePolicyAttachment } from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";

/** One thing that a role may do. */
export interface Statement {
  readonly actions: readonly string[];
  /** ARNs. A wildcard only where the service knows no resource for the action. */
  readonly resources: readonly pulumi.Input<string>[];
  readonly conditions?: Readonly<
    Record<string, Readonly<Record<string, pulumi.Input<string> | pulumi.Input<string>[]>>>
  >;
}

/** What a role is made of. */
export interface RoleArgs {
  /** The service that works as this role, as `lambda.amazonaws.com`. */
  readonly service: string;
  readonly statements: readonly Statement[];
  /** ARNs of AWS's own policies, for what only they list. */
  readonly managedPolicyArns?: readonly string[];
}

/** The name of the account's permissions boundary of all roles that stacks create (stacks/account/boundary.ts). */
export const BOUNDARY = "rates-boundary";

/**
 * Puts the account's permissions boundary on every role below the resource that has this among its `transformations`: the
 * deploy role may create no role without it.
 */
export const withBoundary =
  (accountId: string): pulumi.ResourceTransformation =>
  ({ type, props, opts }) =>
    type === "aws:iam/role:Role"
      ? { props: { ...props, permissionsBoundary: `arn:aws:iam::${accountId}:policy/${BOUNDARY}` }, opts }
      : undefined;

/** A statement that allows, as a policy document has it. */
export const allowStatement = ({ actions, resources, conditions }: Statement) => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources,
  ...(conditions === undefined ? {} : { Condition: conditions }),
});

/** A policy document of statements that allow, and further ones that deny. */
export const policyDocument = (
  statements: readonly Statement[],
  denied: readonly object[] = [],
): pulumi.Output<string> =>
  pulumi.jsonStringify({ Version: "2012-10-17", Statement: [...statements.map(allowStatement), ...denied] });

/**
 * The role of one part: its service takes it on, its one inline policy names actions and resources. The policy is a
 * resource of its own that whoever uses the role at once should wait for.
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

/** Leave to write to one log group. @param arn of the group, as CloudWatch's resource has it */
export const writeLogs = (arn: pulumi.Input<string>): Statement => ({
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  resources: [pulumi.interpolate`${arn}:*`],
});

/**
 * What a Lambda function in a VPC needs; EC2 knows no resource for these actions before the interface is there (AWS
 * managed policy AWSLambdaVPCAccessExecutionRole).
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
