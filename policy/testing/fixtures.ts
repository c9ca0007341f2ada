import * as types from "../types.ts";
import { type EngineResource, urnOf } from "./packClient.ts";

const PROVIDER = {
  urn: "urn:pulumi:test::test::pulumi:providers:aws::account",
  name: "account",
  props: { region: "eu-central-1", allowedAccountIds: '["333333333333"]' },
};

const made = (
  type: string,
  name: string,
  props: Record<string, unknown>,
  links: Record<string, [type: string, name: string][]> = {},
): EngineResource => ({
  type,
  name,
  props,
  links: Object.fromEntries(
    Object.entries(links).map(([property, targets]) => [
      property,
      targets.map(([type, name]) => urnOf({ type, name, props: {} })),
    ]),
  ),
  provider: PROVIDER,
});

/** A resource policy that denies requests without TLS. */
const tlsOnly = (service: string): string =>
  JSON.stringify({
    Statement: [
      {
        Effect: "Deny",
        Principal: "*",
        Action: `${service}:*`,
        Resource: "*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  });

const queuePolicy = (queue: string): EngineResource =>
  made(
    types.QUEUE_POLICY,
    queue,
    { policy: tlsOnly("sqs") },
    { policy: [[types.QUEUE, queue]], queueUrl: [[types.QUEUE, queue]] },
  );
const bucketPolicy = (bucket: string): EngineResource =>
  made(
    types.BUCKET_POLICY,
    bucket,
    { policy: tlsOnly("s3") },
    { bucket: [[types.BUCKET, bucket]], policy: [[types.BUCKET, bucket]] },
  );
const bucketBlock = (bucket: string): EngineResource =>
  made(
    types.BUCKET_BLOCK,
    bucket,
    { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    { bucket: [[types.BUCKET, bucket]] },
  );

/** A compliant program that is not ours, with one of each resource that rules check, as new objects each time. */
export const compliantProgram = (): EngineResource[] => structuredClone(RESOURCES);

/** Pack configuration for facts that no resource of it shows. */
export const SETTINGS = {
  "aws-provider-pinned": { accountId: "333333333333" },
  "ec2-vcpus": { instances: { "shop-ec2": 2 } },
  "rds-connections": { instances: { "shop-ec2": 2 } },
  "fargate-vcpus": { fargateVcpus: 40 },
};

const RESOURCES: EngineResource[] = [
  made(types.QUEUE, "shop-queues-responses", {
    visibilityTimeoutSeconds: 60,
    messageRetentionSeconds: 1209600,
    maxMessageSize: 1048576,
    sqsManagedSseEnabled: true,
  }),
  made(types.QUEUE, "shop-queues-dead", {
    messageRetentionSeconds: 1209600,
    maxMessageSize: 1048576,
    sqsManagedSseEnabled: true,
  }),
  made(types.QUEUE, "shop-queues-wakeups", {
    visibilityTimeoutSeconds: 360,
    messageRetentionSeconds: 360,
    maxMessageSize: 1048576,
    sqsManagedSseEnabled: true,
  }),
  made("aws:kms/key:Key", "shop-monitoring", { enableKeyRotation: true }),
  made(types.REPOSITORY, "shop-images", {
    imageScanningConfiguration: { scanOnPush: true },
    imageTagMutability: "IMMUTABLE",
  }),
  made(types.PARAMETERS, "shop-database", {
    parameters: [
      { name: "rds.force_ssl", value: "1" },
      { applyMethod: "pending-reboot", name: "max_connections", value: "3604" },
    ],
  }),
  made(types.BUCKET, "shop-buckets-results", {}),
  made(types.BUCKET, "shop-buckets-uploads", {}),
  queuePolicy("shop-queues-responses"),
  queuePolicy("shop-queues-dead"),
  made(
    types.QUEUE,
    "shop-queues-requests",
    {
      visibilityTimeoutSeconds: 360,
      messageRetentionSeconds: 604800,
      maxMessageSize: 1048576,
      sqsManagedSseEnabled: true,
      redrivePolicy:
        '{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:111111111111:shop-queues-dead","maxReceiveCount":1000}',
    },
    { redrivePolicy: [[types.QUEUE, "shop-queues-dead"]] },
  ),
  made(
    types.TOPIC,
    "shop-monitoring",
    { kmsMasterKeyId: "arn:aws:kms:eu-central-1:111111111111:key/80603491-bcaf-f26f-3af0-e861ef753c8b" },
    { kmsMasterKeyId: [["aws:kms/key:Key", "shop-monitoring"]] },
  ),
  queuePolicy("shop-queues-wakeups"),
  bucketPolicy("shop-buckets-results"),
  bucketBlock("shop-buckets-results"),
  made(
    types.BUCKET_ENCRYPTION,
    "shop-buckets-results",
    { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }] },
    { bucket: [[types.BUCKET, "shop-buckets-results"]] },
  ),
  made(
    types.BUCKET_LIFECYCLE,
    "shop-buckets-results",
    {
      rules: [
        {
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          expiration: { days: 90 },
          filter: { prefix: "" },
          id: "expire",
          status: "Enabled",
        },
      ],
    },
    { bucket: [[types.BUCKET, "shop-buckets-results"]] },
  ),
  bucketPolicy("shop-buckets-uploads"),
  bucketBlock("shop-buckets-uploads"),
  made(
    types.BUCKET_ENCRYPTION,
    "shop-buckets-uploads",
    { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }] },
    { bucket: [[types.BUCKET, "shop-buckets-uploads"]] },
  ),
  made(types.ROLE_ATTACHMENT, "shop-database-monitoring-AmazonRDSEnhancedMonitoringRole", {
    policyArn: "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
  }),
  queuePolicy("shop-queues-requests"),
  made(
    types.BUCKET_LIFECYCLE,
    "shop-buckets-uploads",
    {
      rules: [
        {
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          expiration: { days: 90 },
          filter: { prefix: "" },
          id: "expire",
          noncurrentVersionExpiration: { noncurrentDays: 90 },
          status: "Enabled",
        },
      ],
    },
    { bucket: [[types.BUCKET, "shop-buckets-uploads"]] },
  ),
  made(types.BUDGET, "shop-monitoring", { limitAmount: "8000" }, { notifications: [[types.TOPIC, "shop-monitoring"]] }),
  made(types.NAT, "shop-network-1", {}),
  made(types.GROUP, "shop-database", {}),
  made(types.DOMAIN, "shop", {
    domainName: "shop",
    clusterConfig: {
      dedicatedMasterEnabled: false,
      instanceCount: 6,
      instanceType: "m7g.large.search",
      zoneAwarenessConfig: { availabilityZoneCount: 3 },
      zoneAwarenessEnabled: true,
    },
    encryptAtRest: { enabled: true },
    nodeToNodeEncryption: { enabled: true },
    domainEndpointOptions: { enforceHttps: true, tlsSecurityPolicy: "Policy-Min-TLS-1-2-PFS-2023-10" },
    vpcOptions: { subnetIds: ["subnet-1"] },
  }),
  made(
    types.DATABASE,
    "shop-database",
    {
      engine: "postgres",
      instanceClass: "db.r7g.xlarge",
      allocatedStorage: 500,
      publiclyAccessible: false,
      storageEncrypted: true,
      multiAz: true,
      deletionProtection: true,
      iamDatabaseAuthenticationEnabled: true,
      backupRetentionPeriod: 35,
      manageMasterUserPassword: true,
    },
    {
      parameterGroupName: [[types.PARAMETERS, "shop-database"]],
      vpcSecurityGroupIds: [[types.GROUP, "shop-database"]],
    },
  ),
  made(
    types.INGRESS,
    "shop-migrations",
    { fromPort: 5432, toPort: 5432 },
    { securityGroupId: [[types.GROUP, "shop-database"]] },
  ),
  made(
    types.FUNCTION,
    "shop-migrations",
    { timeout: 900, memorySize: 256, environment: { variables: { DATABASE_HOST: "db" } } },
    { environment: [[types.DATABASE, "shop-database"]] },
  ),
  made(types.GROUP, "shop-api", {}),
  made(types.LOG_GROUP, "shop-dispatcher", { retentionInDays: 90 }),
  made(types.ROLE, "shop-dispatcher", {
    assumeRolePolicy:
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
  }),
  made(
    types.TASK,
    "shop-api",
    {
      cpu: "1024",
      memory: "2048",
      containerDefinitions:
        '[{"name": "api", "user": "1000:1000", "readonlyRootFilesystem": true, "environment": [{"name": "PORT", "value": "3000"}]}]',
    },
    {
      containerDefinitions: [
        [types.DOMAIN, "shop"],
        [types.DATABASE, "shop-database"],
        [types.BUCKET, "shop-buckets-results"],
        [types.BUCKET, "shop-buckets-uploads"],
        [types.QUEUE, "shop-queues-dead"],
        [types.QUEUE, "shop-queues-requests"],
        [types.QUEUE, "shop-queues-responses"],
        [types.QUEUE, "shop-queues-wakeups"],
      ],
    },
  ),
  made(
    types.LOAD_BALANCER,
    "shop-api",
    {
      name: "shop-api",
      internal: false,
      dropInvalidHeaderFields: true,
      enableDeletionProtection: true,
      accessLogs: { bucket: "shop-logs", enabled: true },
    },
    { securityGroups: [[types.GROUP, "shop-api"]] },
  ),
  made(
    types.INGRESS,
    "shop-api-443",
    { cidrIpv4: "0.0.0.0/0", fromPort: 443, toPort: 443 },
    { securityGroupId: [[types.GROUP, "shop-api"]] },
  ),
  made(
    types.INGRESS,
    "shop-api-80",
    { cidrIpv4: "0.0.0.0/0", fromPort: 80, toPort: 80 },
    { securityGroupId: [[types.GROUP, "shop-api"]] },
  ),
  made(
    types.LISTENER,
    "shop-api-http",
    {
      port: 80,
      protocol: "HTTP",
      defaultActions: [{ redirect: { port: "443", protocol: "HTTPS", statusCode: "HTTP_301" }, type: "redirect" }],
    },
    { loadBalancerArn: [[types.LOAD_BALANCER, "shop-api"]] },
  ),
  made(
    types.LISTENER,
    "shop-api-https",
    {
      port: 443,
      protocol: "HTTPS",
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
      defaultActions: [{ type: "forward" }],
    },
    { loadBalancerArn: [[types.LOAD_BALANCER, "shop-api"]] },
  ),
  made(
    types.LAUNCH_TEMPLATE,
    "shop-ec2",
    {
      instanceType: "c7g.large",
      metadataOptions: {
        httpEndpoint: "enabled",
        httpPutResponseHopLimit: 2,
        httpTokens: "required",
        instanceMetadataTags: "enabled",
      },
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: { deleteOnTermination: "true", encrypted: "true", volumeSize: 30, volumeType: "gp3" },
        },
      ],
      userData: "IyEvYmluL3NoCg==",
    },
    {
      userData: [
        [types.DOMAIN, "shop"],
        [types.DATABASE, "shop-database"],
        [types.BUCKET, "shop-buckets-results"],
        [types.BUCKET, "shop-buckets-uploads"],
        [types.QUEUE, "shop-queues-dead"],
        [types.QUEUE, "shop-queues-requests"],
        [types.QUEUE, "shop-queues-responses"],
        [types.QUEUE, "shop-queues-wakeups"],
      ],
    },
  ),
  made(
    types.SERVICE,
    "shop-api",
    { desiredCount: 3, deploymentMaximumPercent: 200, networkConfiguration: { assignPublicIp: false } },
    { taskDefinition: [[types.TASK, "shop-api"]] },
  ),
  made(
    types.GLUE_JOB,
    "shop-glue",
    {
      executionProperty: { maxConcurrentRuns: 100 },
      maxCapacity: 0.0625,
      timeout: 300,
      maxRetries: 0,
      jobRunQueuingEnabled: false,
      command: { name: "pythonshell" },
      defaultArguments: { "--database-host": "db", "--database-auth": "iam" },
    },
    {
      defaultArguments: [
        [types.DOMAIN, "shop"],
        [types.DATABASE, "shop-database"],
        [types.BUCKET, "shop-buckets-results"],
        [types.BUCKET, "shop-buckets-uploads"],
        [types.QUEUE, "shop-queues-dead"],
        [types.QUEUE, "shop-queues-requests"],
        [types.QUEUE, "shop-queues-responses"],
        [types.QUEUE, "shop-queues-wakeups"],
      ],
    },
  ),
  made(types.SCALING_TARGET, "shop-api", { maxCapacity: 12 }, { resourceId: [[types.SERVICE, "shop-api"]] }),
  made(
    types.ROLE_POLICY,
    "shop-dispatcher",
    {
      policy:
        '{"Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["arn:aws:sqs:eu-central-1:111111111111:shop-queues-requests"]}]}',
    },
    {
      policy: [
        [types.LOG_GROUP, "shop-dispatcher"],
        [types.LAUNCH_TEMPLATE, "shop-ec2"],
        [types.GLUE_JOB, "shop-glue"],
        [types.DOMAIN, "shop"],
        [types.DATABASE, "shop-database"],
        [types.BUCKET, "shop-buckets-uploads"],
        [types.QUEUE, "shop-queues-dead"],
        [types.QUEUE, "shop-queues-requests"],
        [types.QUEUE, "shop-queues-responses"],
        [types.QUEUE, "shop-queues-wakeups"],
      ],
      role: [[types.ROLE, "shop-dispatcher"]],
    },
  ),
  made(
    types.FUNCTION,
    "shop-dispatcher",
    {
      timeout: 60,
      memorySize: 512,
      reservedConcurrentExecutions: 14,
      environment: { variables: { DATABASE_HOST: "db" } },
    },
    {
      code: [
        [types.LAUNCH_TEMPLATE, "shop-ec2"],
        [types.GLUE_JOB, "shop-glue"],
        [types.DOMAIN, "shop"],
        [types.BUCKET, "shop-buckets-results"],
        [types.BUCKET, "shop-buckets-uploads"],
        [types.QUEUE, "shop-queues-dead"],
        [types.QUEUE, "shop-queues-requests"],
        [types.QUEUE, "shop-queues-responses"],
        [types.QUEUE, "shop-queues-wakeups"],
      ],
      environment: [[types.DATABASE, "shop-database"]],
      loggingConfig: [[types.LOG_GROUP, "shop-dispatcher"]],
      role: [[types.ROLE, "shop-dispatcher"]],
    },
  ),
  made(
    types.ALIAS,
    "shop-dispatcher",
    {},
    { functionName: [[types.FUNCTION, "shop-dispatcher"]], functionVersion: [[types.FUNCTION, "shop-dispatcher"]] },
  ),
  made(
    types.EVENT_SOURCE,
    "shop-dispatcher-requests",
    {
      scalingConfig: { maximumConcurrency: 10 },
      maximumBatchingWindowInSeconds: 0,
      functionResponseTypes: ["ReportBatchItemFailures"],
    },
    { eventSourceArn: [[types.QUEUE, "shop-queues-requests"]], functionName: [[types.ALIAS, "shop-dispatcher"]] },
  ),
  made(
    types.PERMISSION,
    "shop-dispatcher-schedule",
    {
      principal: "events.amazonaws.com",
      sourceArn: "arn:aws:events:eu-central-1:111111111111:rule/shop-dispatcher-schedule",
    },
    { function: [[types.FUNCTION, "shop-dispatcher"]], qualifier: [[types.ALIAS, "shop-dispatcher"]] },
  ),
  made(
    types.EVENT_SOURCE,
    "shop-dispatcher-wakeups",
    { scalingConfig: { maximumConcurrency: 2 }, maximumBatchingWindowInSeconds: 0, batchSize: 1 },
    { eventSourceArn: [[types.QUEUE, "shop-queues-wakeups"]], functionName: [[types.ALIAS, "shop-dispatcher"]] },
  ),
];
