import { Policy } from "@pulumi/aws/iam/policy.js";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument, type Statement } from "../../infra/shared/iam.ts";
import { type BoundariesArgs, permissionsArgs } from "./boundary.ts";

/**
 * Managed policies for operators, attached by an administrator. They match the names of stacks' resources, so that they
 * apply to every stack of the account.
 */
export class Operators extends pulumi.ComponentResource {
  /** `rates connect`, `rates doctor`, and all other commands with `--stack`. */
  readonly connect: Policy;
  /** `npm run smoke -- --stack`, in addition to `connect`. */
  readonly smoke: Policy;
  /** `npm run smoke -- --stack NAME --inside`, in addition to `connect`. Its holder can create API tokens. */
  readonly smokeInside: Policy;

  constructor(name: string, args: BoundariesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:account:Operators", name, {}, opts);
    // IAM cannot change a description, and an attached policy cannot be replaced.
    const child = { parent: this, ignoreChanges: ["description"] };
    const policy = (suffix: string, description: string, statements: readonly Statement[]) =>
      new Policy(
        `${name}-${suffix}`,
        { name: `rates-${suffix}`, description, policy: policyDocument(statements) },
        child,
      );
    this.connect = policy(
      "connect",
      "Access to the platform's stacks with rates connect and rates doctor",
      connectStatements(args),
    );
    this.smoke = policy(
      "smoke",
      "Smoke runs on the platform's stacks, in addition to rates-connect",
      smokeStatements(args.accountId),
    );
    this.smokeInside = policy(
      "smoke-inside",
      "Smoke runs in the network of the platform's stacks, in addition to rates-connect",
      smokeInsideStatements(args.accountId),
    );
    this.registerOutputs({
      connect: this.connect.arn,
      smoke: this.smoke.arn,
      smokeInside: this.smokeInside.arn,
    });
  }
}

function connectStatements(args: BoundariesArgs): Statement[] {
  const { accountId } = args;
  const { stateBucketArn, stateObjects, stateKeyArn } = permissionsArgs(args);
  const ecs = (path: string) => `arn:aws:ecs:*:${accountId}:${path}`;
  const tasks = ecs("task/rates-*-access-*");
  return [
    // `--stack` reads the stack's outputs from its state.
    { actions: ["s3:ListBucket"], resources: [stateBucketArn] },
    { actions: ["s3:GetObject"], resources: [stateObjects] },
    { actions: ["kms:Decrypt"], resources: [stateKeyArn] },
    {
      actions: ["ecs:RunTask"],
      resources: [ecs("task-definition/rates-*-access:*")],
      conditions: { ArnLike: { "ecs:cluster": ecs("cluster/rates-*-access-*") } },
    },
    {
      actions: ["iam:PassRole"],
      resources: [`arn:aws:iam::${accountId}:role/rates-*-access-*`],
      conditions: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
    { actions: ["ecs:DescribeTasks", "ecs:StopTask"], resources: [tasks] },
    {
      // The request must name a document: without a name, the session would be a shell.
      actions: ["ssm:StartSession"],
      resources: [tasks, "arn:aws:ssm:*::document/AWS-StartPortForwardingSessionToRemoteHost"],
      conditions: { BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" } },
    },
    // Operators end their own sessions only. The id of a role's session begins with the role session name, which no policy
    // variable contains, so the second statement compares the tag that Systems Manager adds (AWS Systems Manager User
    // Guide, "Allow a user to end only sessions they started").
    { actions: ["ssm:TerminateSession"], resources: [`arn:aws:ssm:*:${accountId}:session/\${aws:userid}-*`] },
    {
      actions: ["ssm:TerminateSession"],
      resources: [`arn:aws:ssm:*:${accountId}:session/*`],
      conditions: { StringLike: { "ssm:resourceTag/aws:ssmmessages:session-id": `\${aws:userid}` } },
    },
    { actions: ["servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"], resources: ["*"] },
  ];
}

function smokeInsideStatements(accountId: string): Statement[] {
  const arn = (service: string, path: string) => `arn:aws:${service}:*:${accountId}:${path}`;
  return [
    {
      actions: ["ecs:RunTask"],
      resources: [arn("ecs", "task-definition/rates-*-smoke:*")],
      conditions: { ArnLike: { "ecs:cluster": arn("ecs", "cluster/rates-*-smoke-*") } },
    },
    {
      actions: ["iam:PassRole"],
      resources: [`arn:aws:iam::${accountId}:role/rates-*-smoke-*`],
      conditions: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
    { actions: ["ecs:DescribeTasks", "ecs:StopTask"], resources: [arn("ecs", "task/rates-*-smoke-*")] },
    { actions: ["logs:GetLogEvents"], resources: [arn("logs", "log-group:rates-*-smoke-*:log-stream:*")] },
    // The function stores the hash of the task's token. It would also store the hash of any other token.
    { actions: ["lambda:InvokeFunction"], resources: [arn("lambda", "function:rates-*-migrations-*")] },
  ];
}

function smokeStatements(accountId: string): Statement[] {
  const arn = (service: string, path: string) => `arn:aws:${service}:*:${accountId}:${path}`;
  return [
    { actions: ["sqs:SendMessage", "sqs:GetQueueAttributes"], resources: [arn("sqs", "rates-*-queues-requests-*")] },
    {
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
      resources: [arn("sqs", "rates-*-queues-responses-*"), arn("sqs", "rates-*-queues-dead-*")],
    },
    { actions: ["s3:ListBucket"], resources: ["arn:aws:s3:::rates-*-buckets-results-*"] },
    { actions: ["glue:GetJob", "glue:GetJobRuns", "glue:BatchStopJobRun"], resources: [arn("glue", "job/rates-*")] },
    { actions: ["glue:GetConnection"], resources: [arn("glue", "connection/rates-*"), arn("glue", "catalog")] },
    { actions: ["ec2:DescribeInstances", "ec2:DescribeLaunchTemplateVersions"], resources: ["*"] },
    {
      actions: ["ec2:TerminateInstances"],
      resources: [arn("ec2", "instance/*")],
      conditions: { StringLike: { "aws:ResourceTag/rates:stack": "rates-*-ec2" } },
    },
  ];
}
