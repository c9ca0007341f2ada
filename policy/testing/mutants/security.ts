import * as types from "../../types.ts";
import {
  add,
  allowEveryone,
  changeStatements,
  internetIngress,
  type Mutant,
  REQUESTS,
  remove,
  set,
  setInContainer,
  setParameter,
  withActions,
} from "./mutant.ts";

const { QUEUE, FUNCTION, GLUE_JOB, DATABASE, DOMAIN, LOAD_BALANCER, LAUNCH_TEMPLATE } = types;

/** Mutants by the rule of the security pack that must report them. */
export const SECURITY_MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  "rds-private": [{ label: "a public database", ...set(DATABASE, "-database", "publiclyAccessible", true) }],
  "rds-encrypted": [
    { label: "a database without encryption", ...set(DATABASE, "-database", "storageEncrypted", false) },
  ],
  "rds-multi-az": [{ label: "a database in one zone", ...set(DATABASE, "-database", "multiAz", false) }],
  "rds-deletion-protection": [
    { label: "a database without deletion protection", ...set(DATABASE, "-database", "deletionProtection", false) },
  ],
  "rds-iam-authentication": [
    {
      label: "a database without IAM authentication",
      ...set(DATABASE, "-database", "iamDatabaseAuthenticationEnabled", false),
    },
  ],
  "rds-backups": [{ label: "backups for a day", ...set(DATABASE, "-database", "backupRetentionPeriod", 1) }],
  "rds-managed-password": [
    { label: "a master password in the program", ...set(DATABASE, "-database", "password", "hunter2") },
    {
      label: "a database without a managed password",
      ...set(DATABASE, "-database", "manageMasterUserPassword", false),
    },
  ],
  "rds-force-ssl": [{ label: "a database without TLS", mutate: setParameter("rds.force_ssl", "0") }],
  "s3-tls-only": [
    {
      label: "a bucket policy that does not require TLS",
      mutate: changeStatements(types.BUCKET_POLICY, "-uploads", (policyStatement) =>
        Object.assign(policyStatement, { Condition: {} }),
      ),
    },
    { label: "a bucket without policy", mutate: remove(types.BUCKET_POLICY, "-results") },
  ],
  "s3-block-public-access": [
    {
      label: "a bucket without a full public access block",
      ...set(types.BUCKET_BLOCK, "-results", "blockPublicPolicy", false),
    },
  ],
  "s3-lifecycle": [{ label: "a bucket without lifecycle rules", mutate: remove(types.BUCKET_LIFECYCLE, "-results") }],
  "s3-encryption": [
    { label: "a bucket without an encryption setting", mutate: remove(types.BUCKET_ENCRYPTION, "-results") },
  ],
  "s3-not-public": [{ label: "a public bucket", mutate: allowEveryone(types.BUCKET_POLICY, "-results") }],
  "sqs-encrypted": [{ label: "a queue without encryption", ...set(QUEUE, REQUESTS, "sqsManagedSseEnabled", false) }],
  "sqs-tls-only": [{ label: "a queue without policy", mutate: remove(types.QUEUE_POLICY, REQUESTS) }],
  "sqs-not-public": [{ label: "a public queue", mutate: allowEveryone(types.QUEUE_POLICY, REQUESTS) }],
  "sns-encrypted": [
    { label: "a topic without encryption", ...set(types.TOPIC, "-monitoring", "kmsMasterKeyId", null) },
  ],
  "ecr-scan-on-push": [
    {
      label: "a repository without image scanning",
      ...set(types.REPOSITORY, "-images", "imageScanningConfiguration.scanOnPush", false),
    },
  ],
  "ecr-immutable-tags": [
    { label: "a repository with mutable tags", ...set(types.REPOSITORY, "-images", "imageTagMutability", "MUTABLE") },
  ],
  "no-ingress-from-the-world": [
    { label: "a database open to the internet", ...set(types.SECURITY_GROUP_INGRESS, "", "cidrIpv4", "0.0.0.0/0") },
    {
      label: "port 22 open to the internet in an inline rule",
      mutate: add(types.SECURITY_GROUP, { ingress: [{ cidrBlocks: ["0.0.0.0/0"], fromPort: 22, toPort: 22 }] }),
    },
    {
      label: "port 22 open to the internet in a separate rule",
      mutate: add(types.SECURITY_GROUP_INGRESS, internetIngress(22)),
    },
    {
      label: "port 443 of other resources open to the internet",
      mutate: add(types.SECURITY_GROUP_INGRESS, internetIngress(443)),
    },
  ],
  "elb-drop-invalid-headers": [
    {
      label: "a load balancer that forwards invalid headers",
      ...set(LOAD_BALANCER, "-api", "dropInvalidHeaderFields", false),
    },
  ],
  "elb-deletion-protection": [
    {
      label: "a load balancer without deletion protection",
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
      label: "a listener with plain HTTP",
      ...set(types.LISTENER, "-http", "defaultActions", [{ type: "forward" }]),
    },
    { label: "a listener with TLS 1.0", ...set(types.LISTENER, "-https", "sslPolicy", "ELBSecurityPolicy-2016-08") },
  ],
  "iam-no-wildcards": [
    {
      label: "a role with all permissions",
      mutate: changeStatements(types.ROLE_POLICY, "-dispatcher", withActions(["*"], ["*"])),
    },
    {
      label: "all actions on all queues",
      mutate: changeStatements(types.ROLE_POLICY, "-dispatcher", withActions(["sqs:*"], ["*"])),
    },
    {
      label: "a role with the policy AdministratorAccess",
      ...set(types.ROLE_ATTACHMENT, "", "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    },
  ],
  "iam-no-service-wildcards": [
    {
      label: "all actions of a service",
      mutate: changeStatements(types.ROLE_POLICY, "-dispatcher", withActions(["sqs:*"], ["arn:aws:sqs:x"])),
    },
  ],
  "iam-role-not-public": [
    {
      label: "a role that everyone may assume",
      mutate: changeStatements(types.ROLE, "-dispatcher", (policyStatement) =>
        Object.assign(policyStatement, { Principal: { AWS: "*" } }),
      ),
    },
  ],
  "lambda-permission-source": [
    { label: "a function permission without source", ...set(types.PERMISSION, "", "sourceArn", null) },
  ],
  "secretsmanager-rotation": [
    { label: "a secret without rotation", mutate: add("aws:secretsmanager/secret:Secret", { name: "x" }) },
  ],
  "kms-rotation": [
    { label: "a key without rotation", ...set("aws:kms/key:Key", "-monitoring", "enableKeyRotation", false) },
  ],
  "ec2-imdsv2": [
    {
      label: "instances that allow IMDSv1",
      ...set(LAUNCH_TEMPLATE, "-ec2", "metadataOptions.httpTokens", "optional"),
    },
  ],
  "ec2-volumes-encrypted": [
    {
      label: "a volume without encryption",
      ...set(LAUNCH_TEMPLATE, "-ec2", "blockDeviceMappings", [
        { deviceName: "/dev/xvda", ebs: { encrypted: "false" } },
      ]),
    },
  ],
  "ec2-no-public-address": [
    {
      label: "instances with public addresses",
      ...set(LAUNCH_TEMPLATE, "-ec2", "networkInterfaces", [{ associatePublicIpAddress: "true" }]),
    },
  ],
  "ecs-no-public-address": [
    {
      label: "tasks with public addresses",
      ...set(types.ECS_SERVICE, "-api", "networkConfiguration.assignPublicIp", true),
    },
  ],
  "ecs-containers": [
    { label: "a container with a writable root file system", mutate: setInContainer("readonlyRootFilesystem", false) },
    { label: "a container that runs as root", mutate: setInContainer("user", "root") },
    { label: "a privileged container", mutate: setInContainer("privileged", true) },
  ],
  "opensearch-encrypted": [
    { label: "a search domain without encryption at rest", ...set(DOMAIN, "", "encryptAtRest.enabled", false) },
  ],
  "opensearch-in-vpc": [{ label: "a public search domain", ...set(DOMAIN, "", "vpcOptions", null) }],
  "opensearch-node-encryption": [
    {
      label: "a search domain without encryption between nodes",
      ...set(DOMAIN, "", "nodeToNodeEncryption.enabled", false),
    },
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
      label: "a password in a database URL",
      ...set(FUNCTION, "-dispatcher", "environment.variables.DATABASE_URL", "postgres://me:pass@host/db"),
    },
    {
      label: "an access key among a container's variables",
      mutate: setInContainer("environment", [{ name: "KEY", value: "AKIAABCDEFGHIJKLMNOP" }]),
    },
    {
      label: "a password among a job's arguments",
      ...set(GLUE_JOB, "-glue", "defaultArguments.--database-password", "hunter2"),
    },
  ],
  "log-retention": [{ label: "logs without retention", ...set(types.LOG_GROUP, "-dispatcher", "retentionInDays", 0) }],
};
