import * as types from "../../types.ts";
import type { EngineResource } from "../packClient.ts";
import { programResource } from "./resource.ts";

/** Returns a resource policy that denies requests without TLS. */
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
  programResource(
    types.QUEUE_POLICY,
    queue,
    { policy: tlsOnly("sqs") },
    { policy: [[types.QUEUE, queue]], queueUrl: [[types.QUEUE, queue]] },
  );
const bucketPolicy = (bucket: string): EngineResource =>
  programResource(
    types.BUCKET_POLICY,
    bucket,
    { policy: tlsOnly("s3") },
    { bucket: [[types.BUCKET, bucket]], policy: [[types.BUCKET, bucket]] },
  );
const bucketBlock = (bucket: string): EngineResource =>
  programResource(
    types.BUCKET_BLOCK,
    bucket,
    { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    { bucket: [[types.BUCKET, bucket]] },
  );

/** Queues, buckets, database, search domain, topic and images. */
export const STORES: readonly EngineResource[] = [
  programResource(types.QUEUE, "shop-queues-responses", {
    visibilityTimeoutSeconds: 60,
    messageRetentionSeconds: 1209600,
    maxMessageSize: 1048576,
    sqsManagedSseEnabled: true,
  }),
  programResource(types.QUEUE, "shop-queues-dead", {
    messageRetentionSeconds: 1209600,
    maxMessageSize: 1048576,
    sqsManagedSseEnabled: true,
  }),
  programResource(types.QUEUE, "shop-queues-wakeups", {
    visibilityTimeoutSeconds: 360,
    messageRetentionSeconds: 360,
    maxMessageSize: 1048576,
    sqsManagedSseEnabled: true,
  }),
  programResource("aws:kms/key:Key", "shop-monitoring", { enableKeyRotation: true }),
  programResource(types.REPOSITORY, "shop-images", {
    imageScanningConfiguration: { scanOnPush: true },
    imageTagMutability: "IMMUTABLE",
  }),
  programResource(types.PARAMETER_GROUP, "shop-database", {
    parameters: [
      { name: "rds.force_ssl", value: "1" },
      { applyMethod: "pending-reboot", name: "max_connections", value: "3604" },
    ],
  }),
  programResource(types.BUCKET, "shop-buckets-results", {}),
  programResource(types.BUCKET, "shop-buckets-uploads", {}),
  queuePolicy("shop-queues-responses"),
  queuePolicy("shop-queues-dead"),
  programResource(
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
  programResource(
    types.TOPIC,
    "shop-monitoring",
    { kmsMasterKeyId: "arn:aws:kms:eu-central-1:111111111111:key/80603491-bcaf-f26f-3af0-e861ef753c8b" },
    { kmsMasterKeyId: [["aws:kms/key:Key", "shop-monitoring"]] },
  ),
  queuePolicy("shop-queues-wakeups"),
  bucketPolicy("shop-buckets-results"),
  bucketBlock("shop-buckets-results"),
  programResource(
    types.BUCKET_ENCRYPTION,
    "shop-buckets-results",
    { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }] },
    { bucket: [[types.BUCKET, "shop-buckets-results"]] },
  ),
  programResource(
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
  programResource(
    types.BUCKET_ENCRYPTION,
    "shop-buckets-uploads",
    { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }] },
    { bucket: [[types.BUCKET, "shop-buckets-uploads"]] },
  ),
  queuePolicy("shop-queues-requests"),
  programResource(
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
  programResource(types.DOMAIN, "shop", {
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
  programResource(
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
      parameterGroupName: [[types.PARAMETER_GROUP, "shop-database"]],
      vpcSecurityGroupIds: [[types.SECURITY_GROUP, "shop-database"]],
    },
  ),
];
