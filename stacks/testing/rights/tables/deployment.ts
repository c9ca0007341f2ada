import type { Context, Need } from "../evaluate.ts";
import type { Resource } from "../iamEnvironment.ts";
import { all, on, type Place, throughService } from "./part.ts";

type Calls = (resource: Resource, place: Place) => Need[];

/** Actions that EC2 authorizes on the resources that a call creates or names, with these resources' ARNs. */
const ec2 =
  (
    kind: string,
    actions: readonly string[],
    describes: readonly string[],
    related: Record<string, string[]> = {},
  ): Calls =>
  ({ id, outputs }, { arnOf }) => {
    const arn = outputs.arn ?? arnOf("ec2", `${kind}/${id}`);
    return [
      ...all(arn, ...actions.map((action) => `ec2:${action}`)),
      ...describes.flatMap((what) => on(`ec2:Describe${what}`, "*")),
      ...Object.entries(related).flatMap(([action, paths]) =>
        on(`ec2:${action}`, ...paths.map((path) => arnOf("ec2", path))),
      ),
    ];
  };

const ec2Tags =
  (kind: string): Calls =>
  ({ id, outputs }, { arnOf }) =>
    all(outputs.arn ?? arnOf("ec2", `${kind}/${id}`), "ec2:CreateTags", "ec2:DeleteTags");

const passes = (resource: string, service: string): Need => ({
  action: "iam:PassRole",
  resource,
  context: { "iam:PassedToService": service },
});

const both =
  (...calls: Calls[]): Calls =>
  (resource, place) =>
    calls.flatMap((one) => one(resource, place));

/** Actions of one service on the resource's own ARN. */
const own =
  (service: string, ...actions: string[]): Calls =>
  ({ outputs }) =>
    all(outputs.arn, ...actions.map((action) => `${service}:${action}`));

const anywhere =
  (...actions: string[]): Calls =>
  () =>
    actions.flatMap((action) => on(action, "*"));

const bucketOf =
  (...actions: string[]): Calls =>
  ({ outputs }) =>
    all(`arn:aws:s3:::${outputs.bucket}`, ...actions.map((action) => `s3:${action}`));

const queueOf =
  (...actions: string[]): Calls =>
  ({ outputs }, { arnOf }) =>
    all(arnOf("sqs", String(outputs.queueUrl).split("/").at(-1) ?? ""), ...actions.map((action) => `sqs:${action}`));

const functionOf =
  (...actions: string[]): Calls =>
  ({ outputs }, { arnOf }) => {
    const name = String(outputs.functionName ?? outputs.function);
    return all(
      arnOf("lambda", `function:${name.split(":function:").at(-1)?.split(":")[0]}`),
      ...actions.map((action) => `lambda:${action}`),
    );
  };

const boundary = ({ account }: Place): Context => ({
  "iam:PermissionsBoundary": `arn:aws:iam::${account}:policy/rates-boundary`,
});

const securityGroupRule =
  (way: "Ingress" | "Egress"): Calls =>
  ({ id, outputs }, { arnOf }) => {
    const group = arnOf("ec2", `security-group/${outputs.securityGroupId}`);
    const rule = arnOf("ec2", `security-group-rule/${id}`);
    return [
      ...on(`ec2:AuthorizeSecurityGroup${way}`, group, rule),
      ...on(`ec2:RevokeSecurityGroup${way}`, group),
      ...on("ec2:ModifySecurityGroupRules", group, rule),
      ...on("ec2:DescribeSecurityGroupRules", "*"),
      ...all(rule, "ec2:CreateTags", "ec2:DeleteTags"),
    ];
  };

/**
 * Calls of Pulumi's AWS provider for each type of resource: to create, read, change, tag and delete it (as the source of
 * terraform-provider-aws makes them), with the resources that AWS authorizes them on.
 */
export const DEPLOYMENT: Readonly<Record<string, Calls>> = {
  "aws:ec2/vpc:Vpc": both(
    ec2(
      "vpc",
      ["CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "DescribeVpcAttribute"],
      ["Vpcs", "NetworkAcls", "RouteTables", "SecurityGroups"],
    ),
    ec2Tags("vpc"),
  ),
  "aws:ec2/subnet:Subnet": both(
    ec2("subnet", ["CreateSubnet", "DeleteSubnet", "ModifySubnetAttribute"], ["Subnets"], {
      CreateSubnet: ["vpc/vpc-1"],
    }),
    ec2Tags("subnet"),
  ),
  "aws:ec2/internetGateway:InternetGateway": both(
    ec2(
      "internet-gateway",
      ["CreateInternetGateway", "AttachInternetGateway", "DetachInternetGateway", "DeleteInternetGateway"],
      ["InternetGateways"],
    ),
    ec2Tags("internet-gateway"),
  ),
  "aws:ec2/eip:Eip": both(
    ec2(
      "elastic-ip",
      ["AllocateAddress", "DisassociateAddress", "ReleaseAddress"],
      ["Addresses", "AddressesAttribute"],
    ),
    ec2Tags("elastic-ip"),
  ),
  "aws:ec2/natGateway:NatGateway": both(
    ec2("natgateway", ["CreateNatGateway", "DeleteNatGateway"], ["NatGateways", "NetworkInterfaces"], {
      CreateNatGateway: ["elastic-ip/eipalloc-1", "subnet/subnet-1"],
    }),
    ec2Tags("natgateway"),
  ),
  "aws:ec2/routeTable:RouteTable": both(
    ec2("route-table", ["CreateRouteTable", "DeleteRouteTable"], ["RouteTables"], { CreateRouteTable: ["vpc/vpc-1"] }),
    ec2Tags("route-table"),
  ),
  "aws:ec2/route:Route": ({ outputs }, { arnOf }) => [
    ...all(
      arnOf("ec2", `route-table/${outputs.routeTableId}`),
      "ec2:CreateRoute",
      "ec2:ReplaceRoute",
      "ec2:DeleteRoute",
    ),
    ...on("ec2:DescribeRouteTables", "*"),
  ],
  "aws:ec2/routeTableAssociation:RouteTableAssociation": ({ outputs }, { arnOf }) =>
    all(
      arnOf("ec2", `route-table/${outputs.routeTableId}`),
      "ec2:AssociateRouteTable",
      "ec2:ReplaceRouteTableAssociation",
      "ec2:DisassociateRouteTable",
    ),
  "aws:ec2/securityGroup:SecurityGroup": both(
    ec2(
      "security-group",
      ["CreateSecurityGroup", "DeleteSecurityGroup", "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"],
      ["SecurityGroups", "NetworkInterfaces"],
      {
        CreateSecurityGroup: ["vpc/vpc-1"],
        // Network interfaces that Lambda has left prevent the deletion of a security group.
        DetachNetworkInterface: ["network-interface/eni-1"],
        DeleteNetworkInterface: ["network-interface/eni-1"],
      },
    ),
    ec2Tags("security-group"),
  ),
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ({ id }, { arnOf }) => [
    ...on("ec2:DescribeSecurityGroups", "*"),
    ...all(
      arnOf("ec2", `security-group/${id}`),
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
      "ec2:CreateTags",
    ),
  ],
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": securityGroupRule("Ingress"),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": securityGroupRule("Egress"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": both(
    ec2(
      "vpc-endpoint",
      ["CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints"],
      ["VpcEndpoints", "VpcEndpointServices", "PrefixLists"],
      { CreateVpcEndpoint: ["vpc/vpc-1", "route-table/rtb-1", "subnet/subnet-1", "security-group/sg-1"] },
    ),
    ec2Tags("vpc-endpoint"),
  ),
  "aws:ec2/flowLog:FlowLog": both(
    ec2("vpc-flow-log", ["CreateFlowLogs", "DeleteFlowLogs"], ["FlowLogs"], { CreateFlowLogs: ["vpc/vpc-1"] }),
    ec2Tags("vpc-flow-log"),
    // Amazon VPC User Guide, control the use of flow logs.
    anywhere("logs:CreateLogDelivery", "logs:DeleteLogDelivery"),
    ({ outputs }) => [passes(outputs.iamRoleArn, "vpc-flow-logs.amazonaws.com")],
  ),
  "aws:ec2/launchTemplate:LaunchTemplate": both(
    ec2(
      "launch-template",
      ["CreateLaunchTemplate", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate", "DeleteLaunchTemplate"],
      ["LaunchTemplates", "LaunchTemplateVersions"],
    ),
    ec2Tags("launch-template"),
  ),
  "aws:iam/role:Role": ({ outputs: { arn } }, place) => [
    ...["iam:CreateRole", "iam:DeleteRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary"].map(
      (action) => ({ action, resource: arn, context: boundary(place) }),
    ),
    // Callers' roles, which are looked up, have any name.
    { action: "iam:GetRole", resource: arn, anywhere: true },
    ...all(
      arn,
      "iam:TagRole",
      "iam:UntagRole",
      "iam:ListRolePolicies",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
    ),
  ],
  "aws:iam/rolePolicy:RolePolicy": ({ outputs }, place) => {
    const resource = `arn:aws:iam::${place.account}:role/${outputs.role}`;
    return [
      ...["iam:PutRolePolicy", "iam:DeleteRolePolicy"].map((action) => ({
        action,
        resource,
        context: boundary(place),
      })),
      ...on("iam:GetRolePolicy", resource),
    ];
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ({ outputs }, place) => {
    const resource = `arn:aws:iam::${place.account}:role/${outputs.role}`;
    const context = { ...boundary(place), "iam:PolicyARN": outputs.policyArn };
    return [
      ...["iam:AttachRolePolicy", "iam:DetachRolePolicy"].map((action) => ({ action, resource, context })),
      ...on("iam:ListAttachedRolePolicies", resource),
    ];
  },
  "aws:iam/instanceProfile:InstanceProfile": both(
    own(
      "iam",
      "CreateInstanceProfile",
      "DeleteInstanceProfile",
      "GetInstanceProfile",
      "TagInstanceProfile",
      "UntagInstanceProfile",
      "AddRoleToInstanceProfile",
      "RemoveRoleFromInstanceProfile",
    ),
    ({ outputs }, { account }) => [passes(`arn:aws:iam::${account}:role/${outputs.role}`, "ec2.amazonaws.com")],
  ),
  "aws:lb/loadBalancer:LoadBalancer": both(
    own(
      "elasticloadbalancing",
      "CreateLoadBalancer",
      "DeleteLoadBalancer",
      "ModifyLoadBalancerAttributes",
      "SetSecurityGroups",
      "SetSubnets",
      "SetIpAddressType",
    ),
    balancerTags,
    anywhere(
      ...["LoadBalancers", "LoadBalancerAttributes", "CapacityReservation", "Tags"].map(
        (what) => `elasticloadbalancing:Describe${what}`,
      ),
    ),
    linked("elasticloadbalancing.amazonaws.com"),
  ),
  "aws:lb/targetGroup:TargetGroup": both(
    own(
      "elasticloadbalancing",
      "CreateTargetGroup",
      "DeleteTargetGroup",
      "ModifyTargetGroup",
      "ModifyTargetGroupAttributes",
    ),
    balancerTags,
    anywhere("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes"),
  ),
  "aws:lb/listener:Listener": both(
    own("elasticloadbalancing", "ModifyListener", "ModifyListenerAttributes", "DeleteListener"),
    balancerTags,
    ({ outputs }) => on("elasticloadbalancing:CreateListener", outputs.loadBalancerArn),
    anywhere("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerAttributes"),
  ),
  "aws:route53/record:Record": ({ outputs }) => {
    const zone = `arn:aws:route53:::hostedzone/${outputs.zoneId}`;
    return [
      ...all(zone, "route53:GetHostedZone", "route53:ListResourceRecordSets"),
      {
        action: "route53:ChangeResourceRecordSets",
        resource: zone,
        context: { "route53:ChangeResourceRecordSetsRecordTypes": ["A"] },
      },
      ...on("route53:GetChange", "arn:aws:route53:::change/C1"),
    ];
  },
  "aws:lambda/function:Function": both(
    own(
      "lambda",
      "CreateFunction",
      "UpdateFunctionCode",
      "UpdateFunctionConfiguration",
      "DeleteFunction",
      "PublishVersion",
      "GetFunction",
      "GetFunctionConfiguration",
      "GetFunctionCodeSigningConfig",
      "ListVersionsByFunction",
      "PutFunctionConcurrency",
      "DeleteFunctionConcurrency",
      "ListTags",
      "TagResource",
      "UntagResource",
    ),
    ({ outputs }) => [passes(outputs.role, "lambda.amazonaws.com")],
    // AWS Lambda Developer Guide, IAM permissions for attaching a function to a VPC.
    anywhere("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
  ),
  "aws:lambda/alias:Alias": functionOf("CreateAlias", "UpdateAlias", "DeleteAlias", "GetAlias"),
  "aws:lambda/permission:Permission": functionOf("AddPermission", "RemovePermission", "GetPolicy"),
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": functionOf(
    "PutFunctionEventInvokeConfig",
    "GetFunctionEventInvokeConfig",
    "DeleteFunctionEventInvokeConfig",
  ),
  "aws:lambda/invocation:Invocation": functionOf("InvokeFunction"),
  "aws:lambda/eventSourceMapping:EventSourceMapping": ({ outputs }, { arnOf }) => {
    const context = { "lambda:FunctionArn": String(outputs.functionName) };
    const mapping = String(outputs.arn ?? arnOf("lambda", "event-source-mapping:one"));
    return [
      { action: "lambda:CreateEventSourceMapping", resource: "*", context },
      ...["Update", "Delete"].map((verb) => ({
        action: `lambda:${verb}EventSourceMapping`,
        resource: mapping,
        context,
      })),
      ...all(mapping, "lambda:GetEventSourceMapping", "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"),
    ];
  },
  "aws:ecs/cluster:Cluster": both(
    own(
      "ecs",
      "CreateCluster",
      "UpdateCluster",
      "DeleteCluster",
      "DescribeClusters",
      "ListTagsForResource",
      "TagResource",
      "UntagResource",
    ),
    linked("ecs.amazonaws.com"),
  ),
  "aws:ecs/taskDefinition:TaskDefinition": both(
    own("ecs", "RegisterTaskDefinition", "ListTagsForResource", "TagResource", "UntagResource"),
    anywhere("ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition"),
    ({ outputs }) =>
      [outputs.executionRoleArn, outputs.taskRoleArn].map((arn) => passes(arn, "ecs-tasks.amazonaws.com")),
  ),
  "aws:ecs/service:Service": both(
    own(
      "ecs",
      "CreateService",
      "UpdateService",
      "DeleteService",
      "DescribeServices",
      "ListServiceDeployments",
      "DescribeServiceDeployments",
      "ListTagsForResource",
      "TagResource",
      "UntagResource",
    ),
    ({ outputs }) =>
      on("ecs:DescribeServiceDeployments", `${String(outputs.arn).replace(":service/", ":service-deployment/")}/one`),
  ),
  "aws:appautoscaling/target:Target": ({ outputs }, place) => [
    ...all(
      outputs.arn,
      ...[
        "RegisterScalableTarget",
        "DeregisterScalableTarget",
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
      ].map((action) => `application-autoscaling:${action}`),
    ),
    ...on("application-autoscaling:DescribeScalableTargets", "*"),
    ...linked("ecs.application-autoscaling.amazonaws.com")({ outputs } as Resource, place),
  ],
  "aws:appautoscaling/policy:Policy": ({ outputs }, { arnOf }) => [
    ...all(
      arnOf("application-autoscaling", "scalable-target/one"),
      "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:DeleteScalingPolicy",
    ),
    ...on("application-autoscaling:DescribeScalingPolicies", "*"),
    // Application Auto Scaling User Guide, permissions to create alarms for target tracking.
    ...all(
      arnOf("cloudwatch", `alarm:TargetTracking-${outputs.resourceId}-AlarmHigh-1`),
      "cloudwatch:PutMetricAlarm",
      "cloudwatch:DeleteAlarms",
    ),
  ],
  "aws:glue/job:Job": both(
    own("glue", "CreateJob", "UpdateJob", "DeleteJob", "GetJob", "GetTags", "TagResource", "UntagResource"),
    ({ outputs }) => [passes(outputs.roleArn, "glue.amazonaws.com")],
  ),
  "aws:glue/connection:Connection": ({ outputs: { arn } }, { arnOf }) => [
    ...["CreateConnection", "UpdateConnection", "DeleteConnection", "GetConnection"].flatMap((action) =>
      on(`glue:${action}`, arnOf("glue", "catalog")),
    ),
    ...all(
      arn,
      ...["UpdateConnection", "DeleteConnection", "GetConnection", "GetTags", "TagResource", "UntagResource"].map(
        (action) => `glue:${action}`,
      ),
    ),
  ],
  "aws:ecr/repository:Repository": both(
    own(
      "ecr",
      "CreateRepository",
      "DeleteRepository",
      "DescribeRepositories",
      "PutImageTagMutability",
      "PutImageScanningConfiguration",
      "ListTagsForResource",
      "TagResource",
      "UntagResource",
    ),
  ),
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": ({ outputs }, { arnOf }) =>
    all(
      arnOf("ecr", `repository/${outputs.repository}`),
      "ecr:PutLifecyclePolicy",
      "ecr:GetLifecyclePolicy",
      "ecr:DeleteLifecyclePolicy",
    ),
  // Docker pushes with tokens that the credential helper requests (Amazon ECR User Guide, pushing an image).
  "docker:index/image:Image": ({ outputs }, { arnOf }) => [
    ...on("ecr:GetAuthorizationToken", "*"),
    ...all(
      arnOf("ecr", `repository/${String(outputs.imageName).split("/").at(-1)?.split(":")[0]}`),
      ...[
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
        "BatchGetImage",
        "GetDownloadUrlForLayer",
      ].map((action) => `ecr:${action}`),
    ),
  ],
  "aws:s3/bucket:Bucket": ({ outputs }) => {
    const bucket = `arn:aws:s3:::${outputs.bucket}`;
    const reads = [
      "Acl",
      "CORS",
      "Location",
      "Logging",
      "ObjectLockConfiguration",
      "Policy",
      "RequestPayment",
      "Tagging",
      "Versioning",
      "Website",
    ];
    return [
      ...all(
        bucket,
        ...[
          "CreateBucket",
          "DeleteBucket",
          "ListBucket",
          "ListBucketVersions",
          "PutBucketTagging",
          "ListTagsForResource",
          "TagResource",
          "UntagResource",
          "GetAccelerateConfiguration",
          "GetEncryptionConfiguration",
          "GetLifecycleConfiguration",
          "GetReplicationConfiguration",
          ...reads.map((what) => `GetBucket${what}`),
        ].map((action) => `s3:${action}`),
      ),
      // A stack that keeps no data empties its buckets.
      ...all(`${bucket}/any`, "s3:DeleteObject", "s3:DeleteObjectVersion"),
    ];
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": bucketOf(
    "PutBucketOwnershipControls",
    "GetBucketOwnershipControls",
  ),
  "aws:s3/bucketPolicy:BucketPolicy": bucketOf("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy"),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bucketOf(
    "PutBucketPublicAccessBlock",
    "GetBucketPublicAccessBlock",
  ),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": bucketOf(
    "PutEncryptionConfiguration",
    "GetEncryptionConfiguration",
  ),
  "aws:s3/bucketVersioning:BucketVersioning": bucketOf("PutBucketVersioning", "GetBucketVersioning"),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": bucketOf(
    "PutLifecycleConfiguration",
    "GetLifecycleConfiguration",
  ),
  "aws:s3/bucketObjectv2:BucketObjectv2": ({ id }) =>
    all(
      `arn:aws:s3:::${id}`,
      "s3:PutObject",
      "s3:GetObject",
      "s3:GetObjectTagging",
      "s3:PutObjectTagging",
      "s3:DeleteObject",
    ),
  "aws:sqs/queue:Queue": own(
    "sqs",
    "CreateQueue",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "SetQueueAttributes",
    "ListQueueTags",
    "TagQueue",
    "UntagQueue",
  ),
  "aws:sqs/queuePolicy:QueuePolicy": queueOf("SetQueueAttributes", "GetQueueAttributes"),
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": queueOf("SetQueueAttributes", "GetQueueAttributes"),
  "aws:rds/instance:Instance": both(
    own(
      "rds",
      "CreateDBInstance",
      "ModifyDBInstance",
      "RebootDBInstance",
      "DeleteDBInstance",
      "CreateDBSnapshot",
      "ListTagsForResource",
      "AddTagsToResource",
      "RemoveTagsFromResource",
    ),
    anywhere("rds:DescribeDBInstances"),
    linked("rds.amazonaws.com"),
    ({ outputs }, { arnOf }) => [
      ...on(
        "rds:CreateDBInstance",
        ...[`pg:${outputs.parameterGroupName}`, `subgrp:${outputs.dbSubnetGroupName}`, "og:default:postgres-18"].map(
          (path) => arnOf("rds", path),
        ),
      ),
      ...on("rds:CreateDBSnapshot", arnOf("rds", `snapshot:${outputs.finalSnapshotIdentifier ?? "rates-x-last"}`)),
      passes(outputs.monitoringRoleArn, "monitoring.rds.amazonaws.com"),
      // Amazon RDS User Guide, permissions required for Secrets Manager integration.
      ...all(
        arnOf("secretsmanager", "secret:rds!db-11111111-2222-4333-8444-555555555555-abcdef"),
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
      ),
    ],
    (_, place) => [
      ...throughService("rds", place, "CreateGrant", "DescribeKey"),
      ...throughService("secretsmanager", place, "GenerateDataKey", "Decrypt"),
      // This call is made directly, not through the service.
      ...throughService("secretsmanager", place, "DescribeKey").map((need) => ({ ...need, context: {} })),
    ],
  ),
  "aws:rds/parameterGroup:ParameterGroup": both(
    own(
      "rds",
      "CreateDBParameterGroup",
      "ModifyDBParameterGroup",
      "ResetDBParameterGroup",
      "DeleteDBParameterGroup",
      "ListTagsForResource",
      "AddTagsToResource",
      "RemoveTagsFromResource",
    ),
    describing("rds:DescribeDBParameters", "rds:DescribeDBParameterGroups"),
  ),
  "aws:rds/subnetGroup:SubnetGroup": both(
    own(
      "rds",
      "CreateDBSubnetGroup",
      "ModifyDBSubnetGroup",
      "DeleteDBSubnetGroup",
      "ListTagsForResource",
      "AddTagsToResource",
      "RemoveTagsFromResource",
    ),
    describing("rds:DescribeDBSubnetGroups"),
  ),
  "aws:opensearch/domain:Domain": both(
    own(
      "es",
      "CreateDomain",
      "UpdateDomainConfig",
      "UpgradeDomain",
      "DeleteDomain",
      "DescribeDomain",
      "DescribeDomainConfig",
      "DescribeDomainChangeProgress",
      "GetCompatibleVersions",
      "ListTags",
      "AddTags",
      "RemoveTags",
    ),
    linked("opensearchservice.amazonaws.com"),
    (_, place) => throughService("es", place, "CreateGrant", "DescribeKey"),
  ),
  "aws:cloudwatch/logGroup:LogGroup": both(
    own(
      "logs",
      "CreateLogGroup",
      "DeleteLogGroup",
      "PutRetentionPolicy",
      "DeleteRetentionPolicy",
      "ListTagsForResource",
      "TagResource",
      "UntagResource",
    ),
    anywhere("logs:DescribeLogGroups"),
  ),
  "aws:cloudwatch/metricAlarm:MetricAlarm": both(
    own("cloudwatch", "PutMetricAlarm", "DeleteAlarms", "ListTagsForResource", "TagResource", "UntagResource"),
    describing("cloudwatch:DescribeAlarms"),
  ),
  "aws:cloudwatch/dashboard:Dashboard": ({ id }, { account }) =>
    all(
      `arn:aws:cloudwatch::${account}:dashboard/${id}`,
      "cloudwatch:PutDashboard",
      "cloudwatch:GetDashboard",
      "cloudwatch:DeleteDashboards",
    ),
  "aws:cloudwatch/eventRule:EventRule": own(
    "events",
    "PutRule",
    "DeleteRule",
    "DescribeRule",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
  ),
  "aws:cloudwatch/eventTarget:EventTarget": ({ outputs }, { arnOf }) =>
    all(
      arnOf("events", `rule/${outputs.rule}`),
      "events:PutTargets",
      "events:RemoveTargets",
      "events:ListTargetsByRule",
    ),
  "aws:sns/topic:Topic": own(
    "sns",
    "CreateTopic",
    "DeleteTopic",
    "GetTopicAttributes",
    "SetTopicAttributes",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
  ),
  "aws:sns/topicPolicy:TopicPolicy": own("sns", "GetTopicAttributes", "SetTopicAttributes"),
  "aws:sns/topicSubscription:TopicSubscription": ({ outputs }) =>
    all(String(outputs.topic), "sns:Subscribe", "sns:Unsubscribe", "sns:GetSubscriptionAttributes"),
  "aws:budgets/budget:Budget": own(
    "budgets",
    "ViewBudget",
    "ModifyBudget",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
  ),
  "aws:kms/key:Key": both(
    anywhere("kms:CreateKey"),
    own(
      "kms",
      "DescribeKey",
      "GetKeyPolicy",
      "PutKeyPolicy",
      "GetKeyRotationStatus",
      "EnableKeyRotation",
      "UpdateKeyDescription",
      "ScheduleKeyDeletion",
      "ListResourceTags",
      "TagResource",
      "UntagResource",
    ),
  ),
};

/** Tags of a balancer, a target group or a listener (Service Authorization Reference, Elastic Load Balancing V2). */
function balancerTags({ outputs }: Resource): Need[] {
  return all(outputs.arn, "elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags").map((need) => ({
    ...need,
    unlisted: true,
  }));
}

/** Actions on the resource that are allowed on all of its kind. */
function describing(...actions: string[]): Calls {
  return ({ outputs }) => all(outputs.arn, ...actions).map((need) => ({ ...need, anywhere: true }));
}

/** Creating the first resource of a service in an account creates the service-linked role. */
function linked(service: string): Calls {
  return (_, { account }) => [
    {
      action: "iam:CreateServiceLinkedRole",
      resource: `arn:aws:iam::${account}:role/aws-service-role/${service}/AWSServiceRoleForOne`,
      context: { "iam:AWSServiceName": service },
    },
  ];
}
