import type { Authorization, Context } from "../evaluate.ts";
import type { Resource } from "../iamEnvironment.ts";
import { actionsOn, type Location, on, throughService } from "./component.ts";

type AuthorizationsOf = (resource: Resource, location: Location) => Authorization[];

/** Returns a function for EC2's authorizations, which are required on every resource that a call creates or names. */
const ec2 =
  (
    kind: string,
    actions: readonly string[],
    describes: readonly string[],
    related: Record<string, string[]> = {},
  ): AuthorizationsOf =>
  ({ id, outputs }, { arnOf }) => {
    const arn = outputs.arn ?? arnOf("ec2", `${kind}/${id}`);
    return [
      ...actionsOn(arn, ...actions.map((action) => `ec2:${action}`)),
      ...describes.flatMap((noun) => on(`ec2:Describe${noun}`, "*")),
      ...Object.entries(related).flatMap(([action, paths]) =>
        on(`ec2:${action}`, ...paths.map((path) => arnOf("ec2", path))),
      ),
    ];
  };

const ec2Tags =
  (kind: string): AuthorizationsOf =>
  ({ id, outputs }, { arnOf }) =>
    actionsOn(outputs.arn ?? arnOf("ec2", `${kind}/${id}`), "ec2:CreateTags", "ec2:DeleteTags");

const passRole = (resource: string, service: string): Authorization => ({
  action: "iam:PassRole",
  resource,
  context: { "iam:PassedToService": service },
});

const combine =
  (...calls: AuthorizationsOf[]): AuthorizationsOf =>
  (resource, location) =>
    calls.flatMap((call) => call(resource, location));

/** Returns a function for actions of one service on the ARN of the resource itself. */
const onOwnArn =
  (service: string, ...actions: string[]): AuthorizationsOf =>
  ({ outputs }) =>
    actionsOn(outputs.arn, ...actions.map((action) => `${service}:${action}`));

const onAnyResource =
  (...actions: string[]): AuthorizationsOf =>
  () =>
    actions.flatMap((action) => on(action, "*"));

const onBucket =
  (...actions: string[]): AuthorizationsOf =>
  ({ outputs }) =>
    actionsOn(`arn:aws:s3:::${outputs.bucket}`, ...actions.map((action) => `s3:${action}`));

const onQueue =
  (...actions: string[]): AuthorizationsOf =>
  ({ outputs }, { arnOf }) =>
    actionsOn(
      arnOf("sqs", String(outputs.queueUrl).split("/").at(-1) ?? ""),
      ...actions.map((action) => `sqs:${action}`),
    );

const onFunction =
  (...actions: string[]): AuthorizationsOf =>
  ({ outputs }, { arnOf }) => {
    const name = String(outputs.functionName ?? outputs.function);
    return actionsOn(
      arnOf("lambda", `function:${name.split(":function:").at(-1)?.split(":")[0]}`),
      ...actions.map((action) => `lambda:${action}`),
    );
  };

const boundaryContext = ({ account }: Location): Context => ({
  "iam:PermissionsBoundary": `arn:aws:iam::${account}:policy/rates-boundary`,
});

const securityGroupRule =
  (direction: "Ingress" | "Egress"): AuthorizationsOf =>
  ({ id, outputs }, { arnOf }) => {
    const group = arnOf("ec2", `security-group/${outputs.securityGroupId}`);
    const rule = arnOf("ec2", `security-group-rule/${id}`);
    return [
      ...on(`ec2:AuthorizeSecurityGroup${direction}`, group, rule),
      ...on(`ec2:RevokeSecurityGroup${direction}`, group),
      ...on("ec2:ModifySecurityGroupRules", group, rule),
      ...on("ec2:DescribeSecurityGroupRules", "*"),
      ...actionsOn(rule, "ec2:CreateTags", "ec2:DeleteTags"),
    ];
  };

/**
 * Authorizations that deploying each type of resource requires. For types of Pulumi's AWS provider: for the calls that
 * create, read, change, tag and delete it (in the source of terraform-provider-aws).
 */
export const DEPLOYMENT: Readonly<Record<string, AuthorizationsOf>> = {
  "aws:ec2/vpc:Vpc": combine(
    ec2(
      "vpc",
      ["CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "DescribeVpcAttribute"],
      ["Vpcs", "NetworkAcls", "RouteTables", "SecurityGroups"],
    ),
    ec2Tags("vpc"),
  ),
  "aws:ec2/subnet:Subnet": combine(
    ec2("subnet", ["CreateSubnet", "DeleteSubnet", "ModifySubnetAttribute"], ["Subnets"], {
      CreateSubnet: ["vpc/vpc-1"],
    }),
    ec2Tags("subnet"),
  ),
  "aws:ec2/internetGateway:InternetGateway": combine(
    ec2(
      "internet-gateway",
      ["CreateInternetGateway", "AttachInternetGateway", "DetachInternetGateway", "DeleteInternetGateway"],
      ["InternetGateways"],
    ),
    ec2Tags("internet-gateway"),
  ),
  "aws:ec2/eip:Eip": combine(
    ec2(
      "elastic-ip",
      ["AllocateAddress", "DisassociateAddress", "ReleaseAddress"],
      ["Addresses", "AddressesAttribute"],
    ),
    ec2Tags("elastic-ip"),
  ),
  "aws:ec2/natGateway:NatGateway": combine(
    ec2("natgateway", ["CreateNatGateway", "DeleteNatGateway"], ["NatGateways", "NetworkInterfaces"], {
      CreateNatGateway: ["elastic-ip/eipalloc-1", "subnet/subnet-1"],
    }),
    ec2Tags("natgateway"),
  ),
  "aws:ec2/routeTable:RouteTable": combine(
    ec2("route-table", ["CreateRouteTable", "DeleteRouteTable"], ["RouteTables"], { CreateRouteTable: ["vpc/vpc-1"] }),
    ec2Tags("route-table"),
  ),
  "aws:ec2/route:Route": ({ outputs }, { arnOf }) => [
    ...actionsOn(
      arnOf("ec2", `route-table/${outputs.routeTableId}`),
      "ec2:CreateRoute",
      "ec2:ReplaceRoute",
      "ec2:DeleteRoute",
    ),
    ...on("ec2:DescribeRouteTables", "*"),
  ],
  "aws:ec2/routeTableAssociation:RouteTableAssociation": ({ outputs }, { arnOf }) =>
    actionsOn(
      arnOf("ec2", `route-table/${outputs.routeTableId}`),
      "ec2:AssociateRouteTable",
      "ec2:ReplaceRouteTableAssociation",
      "ec2:DisassociateRouteTable",
    ),
  "aws:ec2/securityGroup:SecurityGroup": combine(
    ec2(
      "security-group",
      ["CreateSecurityGroup", "DeleteSecurityGroup", "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"],
      ["SecurityGroups", "NetworkInterfaces"],
      {
        CreateSecurityGroup: ["vpc/vpc-1"],
        // The provider deletes remaining network interfaces of Lambda, which prevent the deletion of a security group.
        DetachNetworkInterface: ["network-interface/eni-1"],
        DeleteNetworkInterface: ["network-interface/eni-1"],
      },
    ),
    ec2Tags("security-group"),
  ),
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ({ id }, { arnOf }) => [
    ...on("ec2:DescribeSecurityGroups", "*"),
    ...actionsOn(
      arnOf("ec2", `security-group/${id}`),
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
      "ec2:CreateTags",
    ),
  ],
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": securityGroupRule("Ingress"),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": securityGroupRule("Egress"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": combine(
    ec2(
      "vpc-endpoint",
      ["CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints"],
      ["VpcEndpoints", "VpcEndpointServices", "PrefixLists"],
      { CreateVpcEndpoint: ["vpc/vpc-1", "route-table/rtb-1", "subnet/subnet-1", "security-group/sg-1"] },
    ),
    ec2Tags("vpc-endpoint"),
  ),
  "aws:ec2/flowLog:FlowLog": combine(
    ec2("vpc-flow-log", ["CreateFlowLogs", "DeleteFlowLogs"], ["FlowLogs"], { CreateFlowLogs: ["vpc/vpc-1"] }),
    ec2Tags("vpc-flow-log"),
    // Amazon VPC User Guide, control the use of flow logs.
    onAnyResource("logs:CreateLogDelivery", "logs:DeleteLogDelivery"),
    ({ outputs }) => [passRole(outputs.iamRoleArn, "vpc-flow-logs.amazonaws.com")],
  ),
  "aws:ec2/launchTemplate:LaunchTemplate": combine(
    ec2(
      "launch-template",
      ["CreateLaunchTemplate", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate", "DeleteLaunchTemplate"],
      ["LaunchTemplates", "LaunchTemplateVersions"],
    ),
    ec2Tags("launch-template"),
  ),
  "aws:iam/role:Role": ({ outputs: { arn } }, location) => [
    ...["iam:CreateRole", "iam:DeleteRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary"].map(
      (action) => ({ action, resource: arn, context: boundaryContext(location) }),
    ),
    // The program also looks up callers' roles, which may have any name.
    { action: "iam:GetRole", resource: arn, isUnrestricted: true },
    ...actionsOn(
      arn,
      "iam:TagRole",
      "iam:UntagRole",
      "iam:ListRolePolicies",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
    ),
  ],
  "aws:iam/rolePolicy:RolePolicy": ({ outputs }, location) => {
    const resource = `arn:aws:iam::${location.account}:role/${outputs.role}`;
    return [
      ...["iam:PutRolePolicy", "iam:DeleteRolePolicy"].map((action) => ({
        action,
        resource,
        context: boundaryContext(location),
      })),
      ...on("iam:GetRolePolicy", resource),
    ];
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ({ outputs }, location) => {
    const resource = `arn:aws:iam::${location.account}:role/${outputs.role}`;
    const context = { ...boundaryContext(location), "iam:PolicyARN": outputs.policyArn };
    return [
      ...["iam:AttachRolePolicy", "iam:DetachRolePolicy"].map((action) => ({ action, resource, context })),
      ...on("iam:ListAttachedRolePolicies", resource),
    ];
  },
  "aws:iam/instanceProfile:InstanceProfile": combine(
    onOwnArn(
      "iam",
      "CreateInstanceProfile",
      "DeleteInstanceProfile",
      "GetInstanceProfile",
      "TagInstanceProfile",
      "UntagInstanceProfile",
      "AddRoleToInstanceProfile",
      "RemoveRoleFromInstanceProfile",
    ),
    ({ outputs }, { account }) => [passRole(`arn:aws:iam::${account}:role/${outputs.role}`, "ec2.amazonaws.com")],
  ),
  "aws:lb/loadBalancer:LoadBalancer": combine(
    onOwnArn(
      "elasticloadbalancing",
      "CreateLoadBalancer",
      "DeleteLoadBalancer",
      "ModifyLoadBalancerAttributes",
      "SetSecurityGroups",
      "SetSubnets",
      "SetIpAddressType",
    ),
    loadBalancerTags,
    onAnyResource(
      ...["LoadBalancers", "LoadBalancerAttributes", "CapacityReservation", "Tags"].map(
        (noun) => `elasticloadbalancing:Describe${noun}`,
      ),
    ),
    createsServiceLinkedRole("elasticloadbalancing.amazonaws.com"),
  ),
  "aws:lb/targetGroup:TargetGroup": combine(
    onOwnArn(
      "elasticloadbalancing",
      "CreateTargetGroup",
      "DeleteTargetGroup",
      "ModifyTargetGroup",
      "ModifyTargetGroupAttributes",
    ),
    loadBalancerTags,
    onAnyResource("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes"),
  ),
  "aws:lb/listener:Listener": combine(
    onOwnArn("elasticloadbalancing", "ModifyListener", "ModifyListenerAttributes", "DeleteListener"),
    loadBalancerTags,
    ({ outputs }) => on("elasticloadbalancing:CreateListener", outputs.loadBalancerArn),
    onAnyResource("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerAttributes"),
  ),
  "aws:route53/record:Record": ({ outputs }) => {
    const zone = `arn:aws:route53:::hostedzone/${outputs.zoneId}`;
    return [
      ...actionsOn(zone, "route53:GetHostedZone", "route53:ListResourceRecordSets"),
      {
        action: "route53:ChangeResourceRecordSets",
        resource: zone,
        context: { "route53:ChangeResourceRecordSetsRecordTypes": ["A"] },
      },
      ...on("route53:GetChange", "arn:aws:route53:::change/C1"),
    ];
  },
  "aws:lambda/function:Function": combine(
    onOwnArn(
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
    ({ outputs }) => [passRole(outputs.role, "lambda.amazonaws.com")],
    // AWS Lambda Developer Guide, IAM permissions for attaching a function to a VPC.
    onAnyResource("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
  ),
  "aws:lambda/alias:Alias": onFunction("CreateAlias", "UpdateAlias", "DeleteAlias", "GetAlias"),
  "aws:lambda/permission:Permission": onFunction("AddPermission", "RemovePermission", "GetPolicy"),
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": onFunction(
    "PutFunctionEventInvokeConfig",
    "GetFunctionEventInvokeConfig",
    "DeleteFunctionEventInvokeConfig",
  ),
  "aws:lambda/invocation:Invocation": onFunction("InvokeFunction"),
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
      ...actionsOn(
        mapping,
        "lambda:GetEventSourceMapping",
        "lambda:ListTags",
        "lambda:TagResource",
        "lambda:UntagResource",
      ),
    ];
  },
  "aws:ecs/cluster:Cluster": combine(
    onOwnArn(
      "ecs",
      "CreateCluster",
      "UpdateCluster",
      "DeleteCluster",
      "DescribeClusters",
      "ListTagsForResource",
      "TagResource",
      "UntagResource",
    ),
    createsServiceLinkedRole("ecs.amazonaws.com"),
  ),
  "aws:ecs/taskDefinition:TaskDefinition": combine(
    onOwnArn("ecs", "RegisterTaskDefinition", "ListTagsForResource", "TagResource", "UntagResource"),
    onAnyResource("ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition"),
    ({ outputs }) =>
      [outputs.executionRoleArn, outputs.taskRoleArn].map((arn) => passRole(arn, "ecs-tasks.amazonaws.com")),
  ),
  "aws:ecs/service:Service": combine(
    onOwnArn(
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
  "aws:appautoscaling/target:Target": ({ outputs }, location) => [
    ...actionsOn(
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
    ...createsServiceLinkedRole("ecs.application-autoscaling.amazonaws.com")({ outputs } as Resource, location),
  ],
  "aws:appautoscaling/policy:Policy": ({ outputs }, { arnOf }) => [
    ...actionsOn(
      arnOf("application-autoscaling", "scalable-target/one"),
      "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:DeleteScalingPolicy",
    ),
    ...on("application-autoscaling:DescribeScalingPolicies", "*"),
    // Application Auto Scaling User Guide, permissions to create alarms for target tracking.
    ...actionsOn(
      arnOf("cloudwatch", `alarm:TargetTracking-${outputs.resourceId}-AlarmHigh-1`),
      "cloudwatch:PutMetricAlarm",
      "cloudwatch:DeleteAlarms",
    ),
  ],
  "aws:glue/job:Job": combine(
    onOwnArn("glue", "CreateJob", "UpdateJob", "DeleteJob", "GetJob", "GetTags", "TagResource", "UntagResource"),
    ({ outputs }) => [passRole(outputs.roleArn, "glue.amazonaws.com")],
  ),
  "aws:glue/connection:Connection": ({ outputs: { arn } }, { arnOf }) => [
    ...["CreateConnection", "UpdateConnection", "DeleteConnection", "GetConnection"].flatMap((action) =>
      on(`glue:${action}`, arnOf("glue", "catalog")),
    ),
    ...actionsOn(
      arn,
      ...["UpdateConnection", "DeleteConnection", "GetConnection", "GetTags", "TagResource", "UntagResource"].map(
        (action) => `glue:${action}`,
      ),
    ),
  ],
  "aws:ecr/repository:Repository": onOwnArn(
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
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": ({ outputs }, { arnOf }) =>
    actionsOn(
      arnOf("ecr", `repository/${outputs.repository}`),
      "ecr:PutLifecyclePolicy",
      "ecr:GetLifecyclePolicy",
      "ecr:DeleteLifecyclePolicy",
    ),
  // Docker pushes with tokens that the credential helper requests (Amazon ECR User Guide, pushing an image).
  "docker:index/image:Image": ({ outputs }, { arnOf }) => [
    ...on("ecr:GetAuthorizationToken", "*"),
    ...actionsOn(
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
      ...actionsOn(
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
          ...reads.map((noun) => `GetBucket${noun}`),
        ].map((action) => `s3:${action}`),
      ),
      // A stack that keeps no data empties its buckets.
      ...actionsOn(`${bucket}/any`, "s3:DeleteObject", "s3:DeleteObjectVersion"),
    ];
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": onBucket(
    "PutBucketOwnershipControls",
    "GetBucketOwnershipControls",
  ),
  "aws:s3/bucketPolicy:BucketPolicy": onBucket("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy"),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": onBucket(
    "PutBucketPublicAccessBlock",
    "GetBucketPublicAccessBlock",
  ),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": onBucket(
    "PutEncryptionConfiguration",
    "GetEncryptionConfiguration",
  ),
  "aws:s3/bucketVersioning:BucketVersioning": onBucket("PutBucketVersioning", "GetBucketVersioning"),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": onBucket(
    "PutLifecycleConfiguration",
    "GetLifecycleConfiguration",
  ),
  "aws:s3/bucketObjectv2:BucketObjectv2": ({ id }) =>
    actionsOn(
      `arn:aws:s3:::${id}`,
      "s3:PutObject",
      "s3:GetObject",
      "s3:GetObjectTagging",
      "s3:PutObjectTagging",
      "s3:DeleteObject",
    ),
  "aws:sqs/queue:Queue": onOwnArn(
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
  "aws:sqs/queuePolicy:QueuePolicy": onQueue("SetQueueAttributes", "GetQueueAttributes"),
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": onQueue("SetQueueAttributes", "GetQueueAttributes"),
  "aws:rds/instance:Instance": combine(
    onOwnArn(
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
    onAnyResource("rds:DescribeDBInstances"),
    createsServiceLinkedRole("rds.amazonaws.com"),
    ({ outputs }, { arnOf }) => [
      ...on(
        "rds:CreateDBInstance",
        ...[`pg:${outputs.parameterGroupName}`, `subgrp:${outputs.dbSubnetGroupName}`, "og:default:postgres-18"].map(
          (path) => arnOf("rds", path),
        ),
      ),
      ...on("rds:CreateDBSnapshot", arnOf("rds", `snapshot:${outputs.finalSnapshotIdentifier ?? "rates-x-last"}`)),
      passRole(outputs.monitoringRoleArn, "monitoring.rds.amazonaws.com"),
      // Amazon RDS User Guide, permissions required for Secrets Manager integration.
      ...actionsOn(
        arnOf("secretsmanager", "secret:rds!db-11111111-2222-4333-8444-555555555555-abcdef"),
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
      ),
    ],
    (_, location) => [
      ...throughService("rds", location, "CreateGrant", "DescribeKey"),
      ...throughService("secretsmanager", location, "GenerateDataKey", "Decrypt"),
      // The caller makes this request directly, not through the service.
      ...throughService("secretsmanager", location, "DescribeKey").map((authorization) => ({
        ...authorization,
        context: {},
      })),
    ],
  ),
  "aws:rds/parameterGroup:ParameterGroup": combine(
    onOwnArn(
      "rds",
      "CreateDBParameterGroup",
      "ModifyDBParameterGroup",
      "ResetDBParameterGroup",
      "DeleteDBParameterGroup",
      "ListTagsForResource",
      "AddTagsToResource",
      "RemoveTagsFromResource",
    ),
    describesByArn("rds:DescribeDBParameters", "rds:DescribeDBParameterGroups"),
  ),
  "aws:rds/subnetGroup:SubnetGroup": combine(
    onOwnArn(
      "rds",
      "CreateDBSubnetGroup",
      "ModifyDBSubnetGroup",
      "DeleteDBSubnetGroup",
      "ListTagsForResource",
      "AddTagsToResource",
      "RemoveTagsFromResource",
    ),
    describesByArn("rds:DescribeDBSubnetGroups"),
  ),
  "aws:opensearch/domain:Domain": combine(
    onOwnArn(
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
    createsServiceLinkedRole("opensearchservice.amazonaws.com"),
    (_, location) => throughService("es", location, "CreateGrant", "DescribeKey"),
  ),
  "aws:cloudwatch/logGroup:LogGroup": combine(
    onOwnArn(
      "logs",
      "CreateLogGroup",
      "DeleteLogGroup",
      "PutRetentionPolicy",
      "DeleteRetentionPolicy",
      "ListTagsForResource",
      "TagResource",
      "UntagResource",
    ),
    onAnyResource("logs:DescribeLogGroups"),
  ),
  "aws:cloudwatch/metricAlarm:MetricAlarm": combine(
    onOwnArn("cloudwatch", "PutMetricAlarm", "DeleteAlarms", "ListTagsForResource", "TagResource", "UntagResource"),
    describesByArn("cloudwatch:DescribeAlarms"),
  ),
  "aws:cloudwatch/dashboard:Dashboard": ({ id }, { account }) =>
    actionsOn(
      `arn:aws:cloudwatch::${account}:dashboard/${id}`,
      "cloudwatch:PutDashboard",
      "cloudwatch:GetDashboard",
      "cloudwatch:DeleteDashboards",
    ),
  "aws:cloudwatch/eventRule:EventRule": onOwnArn(
    "events",
    "PutRule",
    "DeleteRule",
    "DescribeRule",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
  ),
  "aws:cloudwatch/eventTarget:EventTarget": ({ outputs }, { arnOf }) =>
    actionsOn(
      arnOf("events", `rule/${outputs.rule}`),
      "events:PutTargets",
      "events:RemoveTargets",
      "events:ListTargetsByRule",
    ),
  "aws:sns/topic:Topic": onOwnArn(
    "sns",
    "CreateTopic",
    "DeleteTopic",
    "GetTopicAttributes",
    "SetTopicAttributes",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
  ),
  "aws:sns/topicPolicy:TopicPolicy": onOwnArn("sns", "GetTopicAttributes", "SetTopicAttributes"),
  "aws:sns/topicSubscription:TopicSubscription": ({ outputs }) =>
    actionsOn(String(outputs.topic), "sns:Subscribe", "sns:Unsubscribe", "sns:GetSubscriptionAttributes"),
  "aws:budgets/budget:Budget": onOwnArn(
    "budgets",
    "ViewBudget",
    "ModifyBudget",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
  ),
  "aws:kms/key:Key": combine(
    onAnyResource("kms:CreateKey"),
    onOwnArn(
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

/**
 * Returns the authorizations to tag a load balancer, a target group or a listener (Service Authorization Reference,
 * Elastic Load Balancing V2).
 */
function loadBalancerTags({ outputs }: Resource): Authorization[] {
  return actionsOn(outputs.arn, "elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags").map(
    (authorization) => ({
      ...authorization,
      isUnlisted: true,
    }),
  );
}

/** Returns a function for actions on the resource that are allowed on all resources of its type. */
function describesByArn(...actions: string[]): AuthorizationsOf {
  return ({ outputs }) =>
    actionsOn(outputs.arn, ...actions).map((authorization) => ({ ...authorization, isUnrestricted: true }));
}

/** Returns a function for the authorization to create a service's service-linked role, needed if the account lacks it. */
function createsServiceLinkedRole(service: string): AuthorizationsOf {
  return (_, { account }) => [
    {
      action: "iam:CreateServiceLinkedRole",
      resource: `arn:aws:iam::${account}:role/aws-service-role/${service}/AWSServiceRoleForOne`,
      context: { "iam:AWSServiceName": service },
    },
  ];
}
