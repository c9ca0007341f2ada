import * as types from "../../types.ts";
import {
  add,
  allowing,
  container,
  type Mutant,
  opened,
  parameter,
  REQUESTS,
  set,
  statement,
  without,
  world,
} from "./mutant.ts";

const { QUEUE, FUNCTION, GLUE_JOB, DATABASE, DOMAIN, LOAD_BALANCER, LAUNCH_TEMPLATE } = types;

/** Mutants by the rule of the security pack that must stop them. */
export const SECURITY_MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  "rds-private": [{ label: "a public database", ...set(DATABASE, "-database", "publiclyAccessible", true) }],
  "rds-encrypted": [{ label: "a database in the clear", ...set(DATABASE, "-database", "storageEncrypted", false) }],
  "rds-multi-az": [{ label: "a database in one zone", ...set(DATABASE, "-database", "multiAz", false) }],
  "rds-deletion-protection": [
    { label: "a database that may be deleted", ...set(DATABASE, "-database", "deletionProtection", false) },
  ],
  "rds-iam-authentication": [
    {
      label: "a database with passwords",
      ...set(DATABASE, "-database", "iamDatabaseAuthenticationEnabled", false),
    },
  ],
  "rds-backups": [{ label: "backups for a day", ...set(DATABASE, "-database", "backupRetentionPeriod", 1) }],
  "rds-managed-password": [
    { label: "a master password in the program", ...set(DATABASE, "-database", "password", "hunter2") },
    { label: "no managed password", ...set(DATABASE, "-database", "manageMasterUserPassword", false) },
  ],
  "rds-force-ssl": [{ label: "a database without TLS", mutate: parameter("rds.force_ssl", "0") }],
  "s3-tls-only": [
    {
      label: "a bucket policy without TLS",
      mutate: statement(types.BUCKET_POLICY, "-uploads", (one) => Object.assign(one, { Condition: {} })),
    },
    { label: "a bucket without policy", mutate: without(types.BUCKET_POLICY, "-results") },
  ],
  "s3-block-public-access": [
    {
      label: "a bucket that may be made public",
      ...set(types.BUCKET_BLOCK, "-results", "blockPublicPolicy", false),
    },
  ],
  "s3-lifecycle": [{ label: "a bucket that keeps everything", mutate: without(types.BUCKET_LIFECYCLE, "-results") }],
  "s3-encryption": [
    { label: "a bucket that says nothing of encryption", mutate: without(types.BUCKET_ENCRYPTION, "-results") },
  ],
  "s3-not-public": [{ label: "a public bucket", mutate: opened(types.BUCKET_POLICY, "-results") }],
  "sqs-encrypted": [{ label: "a queue without encryption", ...set(QUEUE, REQUESTS, "sqsManagedSseEnabled", false) }],
  "sqs-tls-only": [{ label: "a queue without policy", mutate: without(types.QUEUE_POLICY, REQUESTS) }],
  "sqs-not-public": [{ label: "a public queue", mutate: opened(types.QUEUE_POLICY, REQUESTS) }],
  "sns-encrypted": [{ label: "a topic in the clear", ...set(types.TOPIC, "-monitoring", "kmsMasterKeyId", null) }],
  "ecr-scan-on-push": [
    {
      label: "images that nobody scans",
      ...set(types.REPOSITORY, "-images", "imageScanningConfiguration.scanOnPush", false),
    },
  ],
  "ecr-immutable-tags": [
    { label: "tags that move", ...set(types.REPOSITORY, "-images", "imageTagMutability", "MUTABLE") },
  ],
  "no-ingress-from-the-world": [
    { label: "a database open to everybody", ...set(types.SECURITY_GROUP_INGRESS, "", "cidrIpv4", "0.0.0.0/0") },
    {
      label: "SSH from everywhere",
      mutate: add(types.SECURITY_GROUP, { ingress: [{ cidrBlocks: ["0.0.0.0/0"], fromPort: 22, toPort: 22 }] }),
    },
    { label: "port 22 of everybody", mutate: add(types.SECURITY_GROUP_INGRESS, world(22)) },
    { label: "port 443 of no load balancer", mutate: add(types.SECURITY_GROUP_INGRESS, world(443)) },
  ],
  "elb-drop-invalid-headers": [
    { label: "headers that are none", ...set(LOAD_BALANCER, "-api", "dropInvalidHeaderFields", false) },
  ],
  "elb-deletion-protection": [
    {
      label: "a load balancer that may be deleted",
      ...set(LOAD_BALANCER, "-api", "enableDeletionProtection", false),
    },
  ],
  "elb-access-logs": [
    {
      label: "a load balancer without logs",
      ...set(LOAD_BALANCER, "-api", "accessLogs", { bucket: "x", enabled: false }),
    },
  ],
  "elb-tls": [
    {
      label: "plain HTTP for the internet",
      ...set(types.LISTENER, "-http", "defaultActions", [{ type: "forward" }]),
    },
    { label: "TLS 1.0", ...set(types.LISTENER, "-https", "sslPolicy", "ELBSecurityPolicy-2016-08") },
  ],
  "iam-no-wildcards": [
    { label: "an administrator", mutate: statement(types.ROLE_POLICY, "-dispatcher", allowing(["*"], ["*"])) },
    {
      label: "all queues of everybody",
      mutate: statement(types.ROLE_POLICY, "-dispatcher", allowing(["sqs:*"], ["*"])),
    },
    {
      label: "AdministratorAccess",
      ...set(types.ROLE_ATTACHMENT, "", "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    },
  ],
  "iam-no-service-wildcards": [
    {
      label: "all that can be done to a queue",
      mutate: statement(types.ROLE_POLICY, "-dispatcher", allowing(["sqs:*"], ["arn:aws:sqs:x"])),
    },
  ],
  "iam-role-not-public": [
    {
      label: "a role for everybody",
      mutate: statement(types.ROLE, "-dispatcher", (one) => Object.assign(one, { Principal: { AWS: "*" } })),
    },
  ],
  "lambda-permission-source": [{ label: "events of other accounts", ...set(types.PERMISSION, "", "sourceArn", null) }],
  "secretsmanager-rotation": [
    { label: "a secret that never changes", mutate: add("aws:secretsmanager/secret:Secret", { name: "x" }) },
  ],
  "kms-rotation": [
    { label: "a key that never changes", ...set("aws:kms/key:Key", "-monitoring", "enableKeyRotation", false) },
  ],
  "ec2-imdsv2": [
    {
      label: "credentials for every caller",
      ...set(LAUNCH_TEMPLATE, "-ec2", "metadataOptions.httpTokens", "optional"),
    },
  ],
  "ec2-volumes-encrypted": [
    {
      label: "a volume in the clear",
      ...set(LAUNCH_TEMPLATE, "-ec2", "blockDeviceMappings", [
        { deviceName: "/dev/xvda", ebs: { encrypted: "false" } },
      ]),
    },
  ],
  "ec2-no-public-address": [
    {
      label: "instances in public",
      ...set(LAUNCH_TEMPLATE, "-ec2", "networkInterfaces", [{ associatePublicIpAddress: "true" }]),
    },
  ],
  "ecs-no-public-address": [
    { label: "tasks in public", ...set(types.ECS_SERVICE, "-api", "networkConfiguration.assignPublicIp", true) },
  ],
  "ecs-containers": [
    { label: "a file system that can be written", mutate: container("readonlyRootFilesystem", false) },
    { label: "a container of root's", mutate: container("user", "root") },
    { label: "a privileged container", mutate: container("privileged", true) },
  ],
  "opensearch-encrypted": [{ label: "documents in the clear", ...set(DOMAIN, "", "encryptAtRest.enabled", false) }],
  "opensearch-in-vpc": [{ label: "a public search domain", ...set(DOMAIN, "", "vpcOptions", null) }],
  "opensearch-node-encryption": [
    { label: "nodes that talk in the clear", ...set(DOMAIN, "", "nodeToNodeEncryption.enabled", false) },
  ],
  "opensearch-tls": [
    {
      label: "TLS 1.0 to the search domain",
      ...set(DOMAIN, "", "domainEndpointOptions.tlsSecurityPolicy", "Policy-Min-TLS-1-0-2019-07"),
    },
  ],
  "no-plain-secrets": [
    {
      label: "a token in a function's environment",
      ...set(FUNCTION, "-dispatcher", "environment.variables.API_TOKEN", "s3cr3t"),
    },
    {
      label: "a password in a database's address",
      ...set(FUNCTION, "-dispatcher", "environment.variables.DATABASE_URL", "postgres://me:pass@host/db"),
    },
    {
      label: "an access key among a container's variables",
      mutate: container("environment", [{ name: "KEY", value: "AKIAABCDEFGHIJKLMNOP" }]),
    },
    {
      label: "a password among a job's arguments",
      ...set(GLUE_JOB, "-glue", "defaultArguments.--database-password", "hunter2"),
    },
  ],
  "log-retention": [{ label: "logs for ever", ...set(types.LOG_GROUP, "-dispatcher", "retentionInDays", 0) }],
};
