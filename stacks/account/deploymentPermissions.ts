import type { Input } from "@pulumi/pulumi";
import { BOUNDARY, type Statement } from "../../infra/shared/iam.ts";

/** Account of the deployed stacks, and location of their state. */
export interface DeploymentPermissionsArgs {
  readonly accountId: string;
  readonly stateBucketArn: Input<string>;
  /** All objects of the bucket. */
  readonly stateObjects: Input<string>;
  readonly stateKeyArn: Input<string>;
}

/** Services that receive roles of a stack (iam:PassRole). */
const PASSED_TO = ["ec2", "ecs-tasks", "glue", "lambda", "monitoring.rds", "vpc-flow-logs"].map(
  (service) => `${service}.amazonaws.com`,
);
/** Services whose service-linked role a deployment may create. */
const SERVICE_LINKED = ["ecs", "ecs.application-autoscaling", "elasticloadbalancing", "opensearchservice", "rds"].map(
  (service) => `${service}.amazonaws.com`,
);

/** Resources of actions that have no resource-level permissions, or whose resources have generated ids. */
const EVERYTHING = ["*"];

/** Permissions of a pull request's preview: reading the state, and look-ups. */
export const previewPermissions = (args: DeploymentPermissionsArgs): Statement[] => [
  { actions: ["s3:ListBucket"], resources: [args.stateBucketArn] },
  { actions: ["s3:GetObject"], resources: [args.stateObjects] },
  { actions: ["kms:Decrypt"], resources: [args.stateKeyArn] },
  ...lookUps(args),
];

/** Look-ups of the program: the machine image of the EC2 runner, unique ids of callers. Of the provider: engine versions. */
const lookUps = ({ accountId }: DeploymentPermissionsArgs): Statement[] => [
  { actions: ["ssm:GetParameter"], resources: ["arn:aws:ssm:*::parameter/aws/service/ecs/optimized-ami/*"] },
  {
    actions: ["iam:GetRole", "iam:GetUser"],
    resources: [`arn:aws:iam::${accountId}:role/*`, `arn:aws:iam::${accountId}:user/*`],
  },
  // The provider calls this for every domain in the state, also in a preview.
  { actions: ["es:GetCompatibleVersions"], resources: [`arn:aws:es:*:${accountId}:domain/rates-*`] },
];

/** Permissions of a deployment on the state of stacks and on roles, and for look-ups. */
export const deploymentPermissions = (args: DeploymentPermissionsArgs): Statement[] => [
  { actions: ["s3:ListBucket"], resources: [args.stateBucketArn] },
  { actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources: [args.stateObjects] },
  { actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [args.stateKeyArn] },
  ...lookUps(args),
  ...rolePermissions(args.accountId),
];

/**
 * Permissions to create, change and delete all other resources of stacks. Their names begin with rates-, except those
 * that AWS generates. Each entry becomes a managed policy of at most 6,144 characters, because a role's inline policies
 * may have only 10,240 characters in total (IAM quotas).
 */
export const resourcePermissions = (accountId: string): Record<string, Statement[]> => ({
  network: networkPermissions(accountId),
  compute: computePermissions(accountId),
  data: dataPermissions(accountId),
  monitoring: monitoringPermissions(accountId),
});

/**
 * Permissions on roles. A role's existence, policies and trust can be changed only if it has the boundary for roles of
 * stacks; its tags always, since no permission depends on them.
 */
function rolePermissions(accountId: string): Statement[] {
  const account = `arn:aws:iam::${accountId}`;
  const roles = [`${account}:role/rates-*`];
  const profiles = [`${account}:instance-profile/rates-*`];
  return [
    {
      actions: [
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:UpdateAssumeRolePolicy",
      ],
      resources: roles,
      conditions: { StringEquals: { "iam:PermissionsBoundary": `${account}:policy/${BOUNDARY}` } },
    },
    {
      actions: [
        "iam:TagRole",
        "iam:UntagRole",
        "iam:ListRolePolicies",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:GetRolePolicy",
      ],
      resources: roles,
    },
    { actions: ["iam:PassRole"], resources: roles, conditions: { StringEquals: { "iam:PassedToService": PASSED_TO } } },
    {
      actions: [
        "iam:CreateInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:TagInstanceProfile",
        "iam:UntagInstanceProfile",
        "iam:AddRoleToInstanceProfile",
        "iam:RemoveRoleFromInstanceProfile",
      ],
      resources: profiles,
    },
    {
      actions: ["iam:CreateServiceLinkedRole"],
      resources: [`${account}:role/aws-service-role/*`],
      conditions: { StringEquals: { "iam:AWSServiceName": SERVICE_LINKED } },
    },
  ];
}

function networkPermissions(accountId: string): Statement[] {
  const balancing = (path: string) => `arn:aws:elasticloadbalancing:*:${accountId}:${path}`;
  return [
    {
      // Resources with generated ids, and actions without resource-level permissions.
      actions: [
        "ec2:Describe*",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:CreateVpc",
        "ec2:DeleteVpc",
        "ec2:ModifyVpcAttribute",
        "ec2:CreateSubnet",
        "ec2:DeleteSubnet",
        "ec2:ModifySubnetAttribute",
        "ec2:CreateInternetGateway",
        "ec2:AttachInternetGateway",
        "ec2:DetachInternetGateway",
        "ec2:DeleteInternetGateway",
        "ec2:AllocateAddress",
        "ec2:DisassociateAddress",
        "ec2:ReleaseAddress",
        "ec2:CreateNatGateway",
        "ec2:DeleteNatGateway",
        "ec2:CreateRouteTable",
        "ec2:DeleteRouteTable",
        "ec2:AssociateRouteTable",
        "ec2:DisassociateRouteTable",
        "ec2:ReplaceRouteTableAssociation",
        "ec2:CreateRoute",
        "ec2:ReplaceRoute",
        "ec2:DeleteRoute",
        "ec2:CreateSecurityGroup",
        "ec2:DeleteSecurityGroup",
        "ec2:AuthorizeSecurityGroup*",
        "ec2:RevokeSecurityGroup*",
        "ec2:ModifySecurityGroupRules",
        "ec2:DetachNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:CreateVpcEndpoint",
        "ec2:ModifyVpcEndpoint",
        "ec2:DeleteVpcEndpoints",
        "ec2:CreateFlowLogs",
        "ec2:DeleteFlowLogs",
        "ec2:CreateLaunchTemplate",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:ModifyLaunchTemplate",
        "ec2:DeleteLaunchTemplate",
        "elasticloadbalancing:Describe*",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
      ],
      resources: EVERYTHING,
    },
    {
      actions: [
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:RemoveTags",
      ],
      resources: ["loadbalancer/app/rates-*", "targetgroup/rates-*", "listener/app/rates-*"].map(balancing),
    },
    {
      actions: ["route53:GetHostedZone", "route53:ListResourceRecordSets"],
      resources: ["arn:aws:route53:::hostedzone/*"],
    },
    {
      actions: ["route53:ChangeResourceRecordSets"],
      resources: ["arn:aws:route53:::hostedzone/*"],
      conditions: { "ForAllValues:StringEquals": { "route53:ChangeResourceRecordSetsRecordTypes": ["A"] } },
    },
    { actions: ["route53:GetChange"], resources: ["arn:aws:route53:::change/*"] },
  ];
}

function computePermissions(accountId: string): Statement[] {
  const arn = (service: string, path: string) => `arn:aws:${service}:*:${accountId}:${path}`;
  return [
    {
      actions: [
        "lambda:CreateFunction",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:DeleteFunction",
        "lambda:PublishVersion",
        "lambda:Get*",
        "lambda:ListVersionsByFunction",
        "lambda:ListTags",
        "lambda:TagResource",
        "lambda:UntagResource",
        "lambda:PutFunctionConcurrency",
        "lambda:DeleteFunctionConcurrency",
        "lambda:CreateAlias",
        "lambda:UpdateAlias",
        "lambda:DeleteAlias",
        "lambda:AddPermission",
        "lambda:RemovePermission",
        "lambda:PutFunctionEventInvokeConfig",
        "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:InvokeFunction",
      ],
      resources: [arn("lambda", "function:rates-*")],
    },
    ...unnamedComputePermissions(accountId),
    {
      actions: [
        "ecs:CreateCluster",
        "ecs:UpdateCluster",
        "ecs:DeleteCluster",
        "ecs:DescribeClusters",
        "ecs:CreateService",
        "ecs:UpdateService",
        "ecs:DeleteService",
        "ecs:DescribeServices",
        "ecs:ListServiceDeployments",
        "ecs:DescribeServiceDeployments",
        "ecs:RegisterTaskDefinition",
        "ecs:ListTagsForResource",
        "ecs:TagResource",
        "ecs:UntagResource",
      ],
      resources: ["cluster/rates-*", "service/rates-*", "service-deployment/rates-*", "task-definition/rates-*"].map(
        (path) => arn("ecs", path),
      ),
    },
    {
      actions: [
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:PutScalingPolicy",
        "application-autoscaling:DeleteScalingPolicy",
        "application-autoscaling:ListTagsForResource",
        "application-autoscaling:TagResource",
        "application-autoscaling:UntagResource",
      ],
      resources: [arn("application-autoscaling", "scalable-target/*")],
    },
    { actions: ["application-autoscaling:Describe*"], resources: EVERYTHING },
    {
      actions: [
        "glue:CreateJob",
        "glue:UpdateJob",
        "glue:DeleteJob",
        "glue:GetJob",
        "glue:CreateConnection",
        "glue:UpdateConnection",
        "glue:DeleteConnection",
        "glue:GetConnection",
        "glue:GetTags",
        "glue:TagResource",
        "glue:UntagResource",
      ],
      resources: ["job/rates-*", "connection/rates-*", "catalog"].map((path) => arn("glue", path)),
    },
    { actions: ["ecr:GetAuthorizationToken"], resources: EVERYTHING },
    {
      actions: [
        "ecr:CreateRepository",
        "ecr:DeleteRepository",
        "ecr:DescribeRepositories",
        "ecr:PutImageTagMutability",
        "ecr:PutImageScanningConfiguration",
        "ecr:PutLifecyclePolicy",
        "ecr:GetLifecyclePolicy",
        "ecr:DeleteLifecyclePolicy",
        "ecr:ListTagsForResource",
        "ecr:TagResource",
        "ecr:UntagResource",
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
      ],
      resources: [arn("ecr", "repository/rates-*")],
    },
  ];
}

function dataPermissions(accountId: string): Statement[] {
  const arn = (service: string, path: string) => `arn:aws:${service}:*:${accountId}:${path}`;
  return [
    {
      actions: [
        "s3:CreateBucket",
        "s3:DeleteBucket",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:GetBucket*",
        "s3:GetAccelerateConfiguration",
        "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:ListTagsForResource",
        "s3:TagResource",
        "s3:UntagResource",
        // A stack that keeps no data deletes its objects on destroy.
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
      ],
      // The patterns name the components, because the state bucket's name also begins with rates-.
      resources: ["buckets", "glue-scripts", "api-access"].map((component) => `arn:aws:s3:::rates-*-${component}-*`),
    },
    {
      actions: ["s3:PutObject", "s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging"],
      resources: ["arn:aws:s3:::rates-*-glue-scripts-*/*"],
    },
    {
      actions: [
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SetQueueAttributes",
        "sqs:ListQueueTags",
        "sqs:TagQueue",
        "sqs:UntagQueue",
      ],
      resources: [arn("sqs", "rates-*")],
    },
    { actions: ["rds:Describe*"], resources: EVERYTHING },
    {
      actions: [
        "rds:CreateDBInstance",
        "rds:ModifyDBInstance",
        "rds:RebootDBInstance",
        "rds:DeleteDBInstance",
        "rds:CreateDBSnapshot",
        "rds:CreateDBParameterGroup",
        "rds:ModifyDBParameterGroup",
        "rds:ResetDBParameterGroup",
        "rds:DeleteDBParameterGroup",
        "rds:CreateDBSubnetGroup",
        "rds:ModifyDBSubnetGroup",
        "rds:DeleteDBSubnetGroup",
        "rds:ListTagsForResource",
        "rds:AddTagsToResource",
        "rds:RemoveTagsFromResource",
      ],
      resources: ["db:rates-*", "pg:rates-*", "subgrp:rates-*", "snapshot:rates-*", "og:default:*"].map((path) =>
        arn("rds", path),
      ),
    },
    ...secretAndKeyPermissions(accountId),
    {
      actions: [
        "es:CreateDomain",
        "es:UpdateDomainConfig",
        "es:UpgradeDomain",
        "es:DeleteDomain",
        "es:DescribeDomain",
        "es:DescribeDomainConfig",
        "es:DescribeDomainChangeProgress",
        "es:ListTags",
        "es:AddTags",
        "es:RemoveTags",
      ],
      resources: [arn("es", "domain/rates-*")],
    },
  ];
}

function monitoringPermissions(accountId: string): Statement[] {
  const arn = (service: string, path: string) => `arn:aws:${service}:*:${accountId}:${path}`;
  return [
    {
      actions: [
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:PutRetentionPolicy",
        "logs:DeleteRetentionPolicy",
        "logs:ListTagsForResource",
        "logs:TagResource",
        "logs:UntagResource",
      ],
      resources: ["rates-*", "/aws/rds/instance/rates-*", "/aws/OpenSearchService/rates/*"].map((name) =>
        arn("logs", `log-group:${name}`),
      ),
    },
    { actions: ["logs:DescribeLogGroups"], resources: EVERYTHING },
    {
      actions: [
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DeleteAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
      ],
      // Auto scaling creates its own alarms with the permissions of the scaling policy's creator.
      resources: [arn("cloudwatch", "alarm:rates-*"), arn("cloudwatch", "alarm:TargetTracking-service/rates-*")],
    },
    { actions: ["cloudwatch:DescribeAlarms"], resources: [arn("cloudwatch", "alarm:*")] },
    {
      actions: ["cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"],
      resources: [`arn:aws:cloudwatch::${accountId}:dashboard/rates-*`],
    },
    {
      actions: [
        "events:PutRule",
        "events:DeleteRule",
        "events:DescribeRule",
        "events:PutTargets",
        "events:RemoveTargets",
        "events:ListTargetsByRule",
        "events:ListTagsForResource",
        "events:TagResource",
        "events:UntagResource",
      ],
      resources: [arn("events", "rule/rates-*")],
    },
    {
      actions: [
        "sns:CreateTopic",
        "sns:DeleteTopic",
        "sns:GetTopicAttributes",
        "sns:SetTopicAttributes",
        "sns:Subscribe",
        "sns:Unsubscribe",
        "sns:GetSubscriptionAttributes",
        "sns:ListTagsForResource",
        "sns:TagResource",
        "sns:UntagResource",
      ],
      resources: [arn("sns", "rates-*")],
    },
    {
      actions: [
        "budgets:ViewBudget",
        "budgets:ModifyBudget",
        "budgets:ListTagsForResource",
        "budgets:TagResource",
        "budgets:UntagResource",
      ],
      resources: [`arn:aws:budgets::${accountId}:budget/rates-*`],
    },
  ];
}

/** Permissions on compute resources whose ARN does not contain a stack's name. */
export const unnamedComputePermissions = (accountId: string): Statement[] => [
  {
    actions: ["lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping"],
    resources: EVERYTHING,
    conditions: { ArnLike: { "lambda:FunctionArn": `arn:aws:lambda:*:${accountId}:function:rates-*` } },
  },
  {
    actions: ["lambda:GetEventSourceMapping", "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"],
    resources: [`arn:aws:lambda:*:${accountId}:event-source-mapping:*`],
  },
  { actions: ["ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition"], resources: EVERYTHING },
];

/**
 * Permissions on the secret of the database's master user, which RDS creates with the permissions of the instance's
 * creator, and on the keys of a stack.
 */
export const secretAndKeyPermissions = (accountId: string): Statement[] => [
  {
    // Amazon RDS User Guide, permissions required for Secrets Manager integration.
    actions: ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
    resources: [`arn:aws:secretsmanager:*:${accountId}:secret:rds!*`],
  },
  // Keys have ids instead of names.
  {
    actions: [
      "kms:CreateKey",
      "kms:DescribeKey",
      "kms:GetKeyPolicy",
      "kms:PutKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:EnableKeyRotation",
      "kms:UpdateKeyDescription",
      "kms:ScheduleKeyDeletion",
      "kms:ListResourceTags",
      "kms:TagResource",
      "kms:UntagResource",
    ],
    resources: EVERYTHING,
  },
];
