import { Policy } from "@pulumi/aws/iam/policy.js";
import * as pulumi from "@pulumi/pulumi";
import { BOUNDARY, policyDocument, type Statement } from "../../infra/shared/iam.ts";
import {
  type DeploymentPermissionsArgs,
  deploymentPermissions,
  secretAndKeyPermissions,
  unnamedComputePermissions,
} from "./deploymentPermissions.ts";
import type { State } from "./state.ts";

/** Arguments of the permissions boundaries of an account. */
export interface BoundariesArgs {
  readonly accountId: string;
  readonly state: State;
}

/** Returns the arguments of deploymentPermissions: the account, and the bucket and key of Pulumi's state. */
export const permissionsArgs = ({ accountId, state }: BoundariesArgs): DeploymentPermissionsArgs => ({
  accountId,
  stateBucketArn: state.bucket.arn,
  stateObjects: pulumi.interpolate`${state.bucket.arn}/*`,
  stateKeyArn: state.key.arn,
});

/**
 * Permissions boundaries: the maximum permissions of a role, whatever its policies allow. A deployment may create roles
 * only with the boundary `stacks`, and its own role has the boundary `deployment`. Attaching an administrator's policy
 * to either role therefore adds nothing beyond the boundary.
 */
export class Boundaries extends pulumi.ComponentResource {
  /** Boundary of every role that a stack creates. */
  readonly stacks: Policy;
  /** Boundary of the deploy role. */
  readonly deployment: Policy;

  constructor(name: string, args: BoundariesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:account:Boundaries", name, {}, opts);
    // IAM cannot change a description, and an attached policy cannot be replaced.
    const child = { parent: this, ignoreChanges: ["description"] };
    this.stacks = new Policy(
      name,
      {
        name: BOUNDARY,
        description: "Maximum permissions of the roles of the platform's stacks",
        policy: policyDocument(stackBoundary(args.accountId)),
      },
      child,
    );
    this.deployment = new Policy(
      `${name}-deployment`,
      {
        name: "rates-deployment-boundary",
        description: "Maximum permissions of deployments of the platform's stacks",
        policy: policyDocument(deploymentBoundary(args), deniedToDeployments(args)),
      },
      child,
    );
    this.registerOutputs({ stacks: this.stacks.arn, deployment: this.deployment.arn });
  }
}

/**
 * Maximum permissions of a stack's roles, limited to names that stacks use (tested with the permissions of every role).
 */
function stackBoundary(accountId: string): Statement[] {
  const at = (service: string, ...paths: string[]) => paths.map((path) => `arn:aws:${service}:*:${accountId}:${path}`);
  return [
    {
      // Actions on resources with generated ids, and actions without resource-level permissions.
      actions: [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:CreateTags",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteTags",
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcEndpoints",
        "ec2:RunInstances",
        "ec2:TerminateInstances",
        "ec2:UnassignPrivateIpAddresses",
        "ecr:GetAuthorizationToken",
        "logs:DescribeLogGroups",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      resources: ["*"],
    },
    {
      actions: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      resources: at("ecr", "repository/rates-*"),
    },
    {
      actions: ["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut"],
      resources: at("es", "domain/rates-*"),
    },
    {
      actions: [
        "glue:BatchStopJobRun",
        "glue:GetConnection",
        "glue:GetJob",
        "glue:GetJobRun",
        "glue:GetJobRuns",
        "glue:StartJobRun",
      ],
      resources: at("glue", "job/rates-*", "connection/rates-*", "catalog"),
    },
    {
      actions: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      resources: at("logs", "log-group:rates-*", "log-group:/aws-glue/python-jobs/*", "log-group:RDSOSMetrics*"),
    },
    {
      // The remaining permissions of AmazonRDSEnhancedMonitoringRole.
      actions: ["logs:CreateLogGroup", "logs:GetLogEvents", "logs:PutRetentionPolicy"],
      resources: at("logs", "log-group:RDSOSMetrics*"),
    },
    { actions: ["rds-db:connect"], resources: at("rds-db", "dbuser:db-*/*") },
    {
      actions: ["s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject"],
      resources: ["arn:aws:s3:::rates-*-buckets-*", "arn:aws:s3:::rates-*-glue-scripts-*"],
    },
    { actions: ["secretsmanager:GetSecretValue"], resources: at("secretsmanager", "secret:rds!*", "secret:rates/*") },
    {
      actions: [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
      ],
      resources: at("sqs", "rates-*"),
    },
    {
      // The dispatcher passes the role of the EC2 runner to new instances.
      actions: ["iam:PassRole"],
      resources: [`arn:aws:iam::${accountId}:role/rates-*-ec2-*`],
      conditions: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
    },
    // Volumes of instances, and the secret of the database's master user.
    throughServices(
      ["ec2", "secretsmanager"],
      ["CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt*"],
    ),
  ];
}

/** Allows the use of keys, for example AWS managed keys, only through the given services. */
const throughServices = (services: readonly string[], actions: readonly string[]): Statement => ({
  actions: actions.map((action) => `kms:${action}`),
  resources: ["*"],
  conditions: { StringLike: { "kms:ViaService": services.map((service) => `${service}.*.amazonaws.com`) } },
});

/** Services in which a deployment can neither run code with another role nor give itself permissions. */
const HARMLESS = [
  "application-autoscaling",
  "budgets",
  "cloudwatch",
  "ecr",
  "elasticloadbalancing",
  "es",
  "events",
  "logs",
  "rds",
  "route53",
  "s3",
  "sns",
  "sqs",
];

/**
 * Maximum permissions of the deploy role: all actions of harmless services and of EC2 (except instances, see
 * deniedToDeployments). Other services that run code are limited to the names of stacks. IAM, KMS and Secrets Manager
 * are limited to the permissions of the role's own policies, and to the use of keys through other services.
 */
function deploymentBoundary(args: BoundariesArgs): Statement[] {
  const at = (service: string, path: string) => `arn:aws:${service}:*:${args.accountId}:${path}`;
  return [
    ...deploymentPermissions(permissionsArgs(args)).filter(({ actions }) =>
      actions.some((action) => !HARMLESS.includes(action.split(":")[0] ?? "")),
    ),
    { actions: [...HARMLESS.map((service) => `${service}:*`), "ec2:*"], resources: ["*"] },
    {
      actions: ["lambda:*", "ecs:*", "glue:*"],
      resources: [
        at("lambda", "function:rates-*"),
        ...["cluster", "service", "service-deployment", "task-definition"].map((kind) => at("ecs", `${kind}/rates-*`)),
        ...["job/rates-*", "connection/rates-*", "catalog"].map((path) => at("glue", path)),
      ],
    },
    ...unnamedComputePermissions(args.accountId),
    ...secretAndKeyPermissions(args.accountId),
    throughServices(["es", "rds", "secretsmanager"], ["CreateGrant", "Decrypt", "GenerateDataKey"]),
  ];
}

/** Exceptions to the maximum permissions: resources that no stack owns although allowed patterns match them. */
const deniedToDeployments = ({ accountId, state }: BoundariesArgs): object[] => [
  {
    Sid: "WorkflowRoles",
    Effect: "Deny",
    Action: "iam:*",
    Resource: ["deploy", "preview"].map((role) => `arn:aws:iam::${accountId}:role/rates-${role}`),
  },
  {
    Sid: "StateSettings",
    Effect: "Deny",
    NotAction: ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    Resource: [state.bucket.arn, pulumi.interpolate`${state.bucket.arn}/*`],
  },
  {
    Sid: "Instances",
    Effect: "Deny",
    Action: ["ec2:*Image*", "ec2:*Instance*", "ec2:*Snapshot*", "ec2:*Volume*"],
    Resource: "*",
  },
  { Sid: "StateKey", Effect: "Deny", NotAction: ["kms:Decrypt", "kms:GenerateDataKey"], Resource: state.key.arn },
];
