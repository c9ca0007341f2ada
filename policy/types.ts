// Type tokens of the resources that rules check (the AWS provider's schema).
export const ACCOUNT_BLOCK = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock";
export const ALIAS = "aws:lambda/alias:Alias";
export const BUCKET = "aws:s3/bucket:Bucket";
export const BUCKET_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
export const BUCKET_ENCRYPTION =
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
export const BUCKET_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
export const BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy";
export const CLASSIC_LOAD_BALANCER = "aws:elb/loadBalancer:LoadBalancer";
export const BUDGET = "aws:budgets/budget:Budget";
export const DATABASE = "aws:rds/instance:Instance";
export const DEFAULT_SECURITY_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup";
export const DOMAIN = "aws:opensearch/domain:Domain";
export const SECURITY_GROUP_EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
export const EVENT_SOURCE = "aws:lambda/eventSourceMapping:EventSourceMapping";
export const FUNCTION = "aws:lambda/function:Function";
export const GLUE_JOB = "aws:glue/job:Job";
export const SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup";
/** Older type of a security group rule, replaced by SECURITY_GROUP_INGRESS and SECURITY_GROUP_EGRESS. */
export const SECURITY_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
export const SECURITY_GROUP_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
export const INSTANCE = "aws:ec2/instance:Instance";
export const LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
export const LISTENER = "aws:lb/listener:Listener";
export const LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer";
export const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
export const NAT = "aws:ec2/natGateway:NatGateway";
export const PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup";
export const PERMISSION = "aws:lambda/permission:Permission";
export const POLICY = "aws:iam/policy:Policy";
export const QUEUE = "aws:sqs/queue:Queue";
export const QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy";
export const REDRIVE_POLICY = "aws:sqs/redrivePolicy:RedrivePolicy";
export const REPOSITORY = "aws:ecr/repository:Repository";
export const ROLE = "aws:iam/role:Role";
export const ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
export const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
export const SCALING_GROUP = "aws:autoscaling/group:Group";
export const SCALING_TARGET = "aws:appautoscaling/target:Target";
export const ECS_SERVICE = "aws:ecs/service:Service";
export const TARGET_GROUP = "aws:lb/targetGroup:TargetGroup";
export const TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition";
export const TOPIC = "aws:sns/topic:Topic";
export const SUBNET = "aws:ec2/subnet:Subnet";
export const VPC_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint";

/** Aliases of these types in the provider, some of them deprecated. */
const TYPE_ALIASES: Readonly<Record<string, string>> = {
  "aws:alb/listener:Listener": LISTENER,
  "aws:alb/loadBalancer:LoadBalancer": LOAD_BALANCER,
  "aws:alb/targetGroup:TargetGroup": TARGET_GROUP,
  "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": BUCKET_LIFECYCLE,
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": BUCKET_ENCRYPTION,
  "aws:s3/bucketV2:BucketV2": BUCKET,
};

/** Returns the type token that rules use for a type or its alias. */
export const typeOf = (token: string): string =>
  (Object.hasOwn(TYPE_ALIASES, token) ? TYPE_ALIASES[token] : undefined) ?? token;
