import * as types from "../../types.ts";
import type { EngineResource } from "../packClient.ts";
import { programResource } from "./resource.ts";

/** Links to all stores that the program's components use. */
const ALL_STORES: [type: string, name: string][] = [
  [types.DOMAIN, "shop"],
  [types.DATABASE, "shop-database"],
  [types.BUCKET, "shop-buckets-results"],
  [types.BUCKET, "shop-buckets-uploads"],
  [types.QUEUE, "shop-queues-dead"],
  [types.QUEUE, "shop-queues-requests"],
  [types.QUEUE, "shop-queues-responses"],
  [types.QUEUE, "shop-queues-wakeups"],
];

/** API, dispatcher and runners, with their network and permissions. */
export const PROGRAMS: readonly EngineResource[] = [
  programResource(types.ROLE_ATTACHMENT, "shop-database-monitoring-AmazonRDSEnhancedMonitoringRole", {
    policyArn: "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
  }),
  programResource(
    types.BUDGET,
    "shop-monitoring",
    { limitAmount: "8000" },
    { notifications: [[types.TOPIC, "shop-monitoring"]] },
  ),
  programResource(types.NAT, "shop-network-1", {}),
  programResource(types.SECURITY_GROUP, "shop-database", {}),
  programResource(
    types.SECURITY_GROUP_INGRESS,
    "shop-migrations",
    { fromPort: 5432, toPort: 5432 },
    { securityGroupId: [[types.SECURITY_GROUP, "shop-database"]] },
  ),
  programResource(
    types.FUNCTION,
    "shop-migrations",
    { timeout: 900, memorySize: 256, environment: { variables: { DATABASE_HOST: "db" } } },
    { environment: [[types.DATABASE, "shop-database"]] },
  ),
  programResource(types.SECURITY_GROUP, "shop-api", {}),
  programResource(types.LOG_GROUP, "shop-dispatcher", { retentionInDays: 90 }),
  programResource(types.ROLE, "shop-dispatcher", {
    assumeRolePolicy:
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
  }),
  programResource(
    types.TASK_DEFINITION,
    "shop-api",
    {
      cpu: "1024",
      memory: "2048",
      containerDefinitions:
        '[{"name": "api", "user": "1000:1000", "readonlyRootFilesystem": true, "environment": [{"name": "PORT", "value": "3000"}]}]',
    },
    {
      containerDefinitions: ALL_STORES,
    },
  ),
  programResource(
    types.LOAD_BALANCER,
    "shop-api",
    {
      name: "shop-api",
      internal: false,
      dropInvalidHeaderFields: true,
      enableDeletionProtection: true,
      accessLogs: { bucket: "shop-logs", enabled: true },
    },
    { securityGroups: [[types.SECURITY_GROUP, "shop-api"]] },
  ),
  programResource(
    types.SECURITY_GROUP_INGRESS,
    "shop-api-443",
    { cidrIpv4: "0.0.0.0/0", fromPort: 443, toPort: 443 },
    { securityGroupId: [[types.SECURITY_GROUP, "shop-api"]] },
  ),
  programResource(
    types.SECURITY_GROUP_INGRESS,
    "shop-api-80",
    { cidrIpv4: "0.0.0.0/0", fromPort: 80, toPort: 80 },
    { securityGroupId: [[types.SECURITY_GROUP, "shop-api"]] },
  ),
  programResource(
    types.LISTENER,
    "shop-api-http",
    {
      port: 80,
      protocol: "HTTP",
      defaultActions: [{ redirect: { port: "443", protocol: "HTTPS", statusCode: "HTTP_301" }, type: "redirect" }],
    },
    { loadBalancerArn: [[types.LOAD_BALANCER, "shop-api"]] },
  ),
  programResource(
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
  programResource(
    types.LAUNCH_TEMPLATE,
    "shop-ec2",
    {
      instanceType: "c7g.large",
      metadataOptions: {
        httpEndpoint: "enabled",
        httpPutResponseHopLimit: 1,
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
      userData: ALL_STORES,
    },
  ),
  programResource(
    types.ECS_SERVICE,
    "shop-api",
    { desiredCount: 3, deploymentMaximumPercent: 200, networkConfiguration: { assignPublicIp: false } },
    { taskDefinition: [[types.TASK_DEFINITION, "shop-api"]] },
  ),
  programResource(
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
      defaultArguments: ALL_STORES,
    },
  ),
  programResource(
    types.SCALING_TARGET,
    "shop-api",
    { maxCapacity: 12 },
    { resourceId: [[types.ECS_SERVICE, "shop-api"]] },
  ),
  programResource(
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
  programResource(
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
  programResource(
    types.ALIAS,
    "shop-dispatcher",
    {},
    { functionName: [[types.FUNCTION, "shop-dispatcher"]], functionVersion: [[types.FUNCTION, "shop-dispatcher"]] },
  ),
  programResource(
    types.EVENT_SOURCE,
    "shop-dispatcher-requests",
    {
      scalingConfig: { maximumConcurrency: 10 },
      maximumBatchingWindowInSeconds: 0,
      functionResponseTypes: ["ReportBatchItemFailures"],
    },
    { eventSourceArn: [[types.QUEUE, "shop-queues-requests"]], functionName: [[types.ALIAS, "shop-dispatcher"]] },
  ),
  programResource(
    types.PERMISSION,
    "shop-dispatcher-schedule",
    {
      principal: "events.amazonaws.com",
      sourceArn: "arn:aws:events:eu-central-1:111111111111:rule/shop-dispatcher-schedule",
    },
    { function: [[types.FUNCTION, "shop-dispatcher"]], qualifier: [[types.ALIAS, "shop-dispatcher"]] },
  ),
  programResource(
    types.EVENT_SOURCE,
    "shop-dispatcher-wakeups",
    { scalingConfig: { maximumConcurrency: 2 }, maximumBatchingWindowInSeconds: 0, batchSize: 1 },
    { eventSourceArn: [[types.QUEUE, "shop-queues-wakeups"]], functionName: [[types.ALIAS, "shop-dispatcher"]] },
  ),
];
