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
  "rds-private": [{ what: "a public database", ...set(DATABASE, "-database", "publiclyAccessible", true) }],
  "rds-encrypted": [{ what: "a database in the clear", ...set(DATABASE, "-database", "storageEncrypted", false) }],
  "rds-multi-az": [{ what: "a database in one zone", ...set(DATABASE, "-database", "multiAz", false) }],
  "rds-deletion-protection": [
    { what: "a database that may be deleted", ...set(DATABASE, "-database", "deletionProtection", false) },
  ],
  "rds-iam-authentication": [
    {
      what: "a database with passwords",
      ...set(DATABASE, "-database", "iamDatabaseAuthenticationEnabled", false),
    },
  ],
  "rds-backups": [{ what: "backups for a day", ...set(DATABASE, "-database", "backupRetentionPeriod", 1) }],
  "rds-managed-password": [
    { what: "a master password in the program", ...set(DATABASE, "-database", "password", "hunter2") },
    { what: "no managed password", ...set(DATABASE, "-database", "manageMasterUserPassword", false) },
  ],
  "rds-force-ssl": [{ what: "a database without TLS", mutate: parameter("rds.force_ssl", "0") }],
  "s3-tls-only": [
    {
      what: "a bucket policy without TLS",
      mutate: statement(types.BUCKET_POLICY, "-uploads", (one) => Object.assign(one, { Condition: {} })),
    },
    { what: "a bucket without policy", mutate: without(types.BUCKET_POLICY, "-results") },
  ],
  "s3-block-public-access": [
    {
      what: "a bucket that may be made public",
      ...set(types.BUCKET_BLOCK, "-results", "blockPublicPolicy", false),
    },
  ],
  "s3-lifecycle": [{ what: "a bucket that keeps everything", mutate: without(types.BUCKET_LIFECYCLE, "-results") }],
  "s3-encryption": [
    { what: "a bucket that says nothing of encryption", mutate: without(types.BUCKET_ENCRYPTION, "-results") },
  ],
  "s3-not-public": [{ what: "a public bucket", mutate: opened(types.BUCKET_POLICY, "-results") }],
  "sqs-encrypted": [{ what: "a queue without encryption", ...set(QUEUE, REQUESTS, "sqsManagedSseEnabled", false) }],
  "sqs-tls-only": [{ what: "a queue without policy", mutate: without(types.QUEUE_POLICY, REQUESTS) }],
  "sqs-not-public": [{ what: "a public queue", mutate: opened(types.QUEUE_POLICY, REQUESTS) }],
  "sns-encrypted": [{ what: "a topic in the clear", ...set(types.TOPIC, "-monitoring", "kmsMasterKeyId", null) }],
  "ecr-scan-on-push": [
    {
      what: "images that nobody scans",
      ...set(types.REPOSITORY, "-images", "imageScanningConfiguration.scanOnPush", false),
    },
  ],
  "ecr-immutable-tags": [
    { what: "tags that move", ...set(types.REPOSITORY, "-images", "imageTagMutability", "MUTABLE") },
  ],
  "no-ingress-from-the-world": [
    { what: "a database open to everybody", ...set(types.INGRESS, "", "cidrIpv4", "0.0.0.0/0") },
    {
      what: "SSH from everywhere",
      mutate: add(types.GROUP, { ingress: [{ cidrBlocks: ["0.0.0.0/0"], fromPort: 22, toPort: 22 }] }),
    },
    { what: "port 22 of everybody", mutate: add(types.INGRESS, world(22)) },
    { what: "port 443 of no load balancer", mutate: add(types.INGRESS, world(443)) },
  ],
  "elb-drop-invalid-headers": [
    { what: "headers that are none", ...set(LOAD_BALANCER, "-api", "dropInvalidHeaderFields", false) },
  ],
  "elb-deletion-protection": [
    {
      what: "a load balancer that may be deleted",
      ...set(LOAD_BALANCER, "-api", "enableDeletionProtection", false),
    },
  ],
  "elb-access-logs": [
    {
      what: "a load balancer without logs",
      ...set(LOAD_BALANCER, "-api", "accessLogs", { bucket: "x", enabled: false }),
    },
  ],
  "elb-tls": [
    {
      what: "plain HTTP for the internet",
      ...set(types.LISTENER, "-http", "defaultActions", [{ type: "forward" }]),
    },
    { what: "TLS 1.0", ...set(types.LISTENER, "-https", "sslPolicy", "ELBSecurityPolicy-2016-08") },
  ],
  "iam-no-wildcards": [
    { what: "an administrator", mutate: statement(types.ROLE_POLICY, "-dispatcher", allowing(["*"], ["*"])) },
    {
      what: "all queues of everybody",
      mutate: statement(types.ROLE_POLICY, "-dispatcher", allowing(["sqs:*"], ["*"])),
    },
    {
      what: "AdministratorAccess",
      ...set(types.ROLE_ATTACHMENT, "", "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    },
  ],
  "iam-no-service-wildcards": [
    {
      what: "all that can be done to a queue",
      mutate: statement(types.ROLE_POLICY, "-dispatcher", allowing(["sqs:*"], ["arn:aws:sqs:x"])),
    },
  ],
  "iam-role-not-public": [
    {
      what: "a role for everybody",
      mutate: statement(types.ROLE, "-dispatcher", (one) => Object.assign(one, { Principal: { AWS: "*" } })),
    },
  ],
  "lambda-permission-source": [{ what: "events of other accounts", ...set(types.PERMISSION, "", "sourceArn", null) }],
  "secretsmanager-rotation": [
    { what: "a secret that never changes", mutate: add("aws:secretsmanager/secret:Secret", { name: "x" }) },
  ],
  "kms-rotation": [
    { what: "a key that never changes", ...set("aws:kms/key:Key", "-monitoring", "enableKeyRotation", false) },
  ],
  "ec2-imdsv2": [
    {
      what: "credentials for whoever asks",
      ...set(LAUNCH_TEMPLATE, "-ec2", "metadataOptions.httpTokens", "optional"),
    },
  ],
  "ec2-volumes-encrypted": [
    {
      what: "a volume in the clear",
      ...set(LAUNCH_TEMPLATE, "-ec2", "blockDeviceMappings", [
        { deviceName: "/dev/xvda", ebs: { encrypted: "false" } },
      ]),
    },
  ],
  "ec2-no-public-address": [
    {
      what: "instances in public",
      ...set(LAUNCH_TEMPLATE, "-ec2", "networkInterfaces", [{ associatePublicIpAddress: "true" }]),
    },
  ],
  "ecs-no-public-address": [
    { what: "tasks in public", ...set(types.SERVICE, "-api", "networkConfiguration.assignPublicIp", true) },
  ],
  "ecs-containers": [
    { what: "a file system that can be written", mutate: container("readonlyRootFilesystem", false) },
    { what: "a container of root's", mutate: container("user", "root") },
    { what: "a privileged container", mutate: container("privileged", true) },
  ],
  "opensearch-encrypted": [{ what: "documents in the clear", ...set(DOMAIN, "", "encryptAtRest.enabled", false) }],
  "opensearch-in-vpc": [{ what: "a public search domain", ...set(DOMAIN, "", "vpcOptions", null) }],
  "opensearch-node-encryption": [
    { what: "nodes that talk in the clear", ...set(DOMAIN, "", "nodeToNodeEncryption.enabled", false) },
  ],
  "opensearch-tls": [
    {
      what: "TLS 1.0 to the search domain",
      ...set(DOMAIN, "", "domainEndpointOptions.tlsSecurityPolicy", "Policy-Min-TLS-1-0-2019-07"),
    },
  ],
  "no-plain-secrets": [
    {
      what: "a token in a function's environment",
      ...set(FUNCTION, "-dispatcher", "environment.variables.API_TOKEN", "s3cr3t"),
    },
    {
      what: "a password in a database's address",
      ...set(FUNCTION, "-dispatcher", "environment.variables.DATABASE_URL", "postgres://me:pass@host/db"),
    },
    {
      what: "an access key among a container's variables",
      mutate: container("environment", [{ name: "KEY", value: "AKIAABCDEFGHIJKLMNOP" }]),
    },
    {
      what: "a password among a job's arguments",
      ...set(GLUE_JOB, "-glue", "defaultArguments.--database-password", "hunter2"),
    },
  ],
  "log-retention": [{ what: "logs for ever", ...set(types.LOG_GROUP, "-dispatcher", "retentionInDays", 0) }],
};
