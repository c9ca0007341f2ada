import * as types from "../types.ts";
import type { EngineResource } from "./packClient.ts";

/** The program's resources with one change that a rule must stop. */
export interface Mutant {
  /** Description of the change. */
  what: string;
  mutate(resources: EngineResource[]): void;
  /** The property that was set, if it was one. */
  at?: { type: string; ending: string; path: string };
}

type Change = (one: EngineResource, properties: Record<string, unknown>) => void;

/** Changes the first resource of a type with this suffix of the name, its inputs and its outputs. */
const change =
  (type: string, ending: string, apply: Change) =>
  (resources: EngineResource[]): void => {
    const one = resources.find((resource) => resource.type === type && resource.name.endsWith(ending));
    if (one === undefined) throw new Error(`No ${type} whose name ends in '${ending}'`);
    apply(one, one.props);
    if (one.outputs) apply(one, one.outputs);
  };

const set = (type: string, ending: string, path: string, value: unknown): Pick<Mutant, "mutate" | "at"> => ({
  at: { type, ending, path },
  mutate: change(type, ending, (_, properties) => put(properties, path, value)),
});

function put(properties: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = properties;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  at[last] = value;
}

/** Removes all resources of a type that depend on another by a property. */
const without = (type: string, ending: string) => (resources: EngineResource[]) => {
  const at = resources.findIndex((resource) => resource.type === type && resource.name.endsWith(ending));
  if (at < 0) throw new Error(`No ${type} whose name ends in '${ending}'`);
  resources.splice(at, 1);
};

const add =
  (type: string, props: Record<string, unknown>, links: Record<string, string[]> = {}) =>
  (resources: EngineResource[]) => {
    const sample = resources.find(({ provider }) => provider?.props.allowedAccountIds !== undefined);
    resources.push({ type, name: "mutant", props, links, ...(sample?.provider && { provider: sample.provider }) });
  };

const container = (path: string, value: unknown) =>
  change(types.TASK, "-api", (_, properties) => {
    const all = JSON.parse(String(properties.containerDefinitions));
    put(all[0], path, value);
    properties.containerDefinitions = JSON.stringify(all);
  });

const statement = (type: string, ending: string, apply: (one: Record<string, unknown>) => void) =>
  change(type, ending, (_, properties) => {
    const property = type === types.ROLE ? "assumeRolePolicy" : "policy";
    const document = JSON.parse(String(properties[property]));
    for (const one of document.Statement) apply(one);
    properties[property] = JSON.stringify(document);
  });
const allowing = (actions: string[], resources: string[]) => (one: Record<string, unknown>) => {
  one.Action = actions;
  one.Resource = resources;
};

const provider = (accounts: string) => (resources: EngineResource[]) => {
  for (const one of resources)
    if (one.provider?.props.allowedAccountIds !== undefined)
      one.provider = { ...one.provider, props: { ...one.provider.props, allowedAccountIds: accounts } };
};

const world = (port: number) => ({ cidrIpv4: "0.0.0.0/0", fromPort: port, toPort: port, ipProtocol: "tcp" });
const EVERYBODY = { Effect: "Allow", Principal: "*", Action: "sqs:SendMessage", Resource: "*" };
const opened = (type: string, ending: string) =>
  change(type, ending, (_, properties) => {
    const document = JSON.parse(String(properties.policy));
    document.Statement.push(EVERYBODY);
    properties.policy = JSON.stringify(document);
  });
const parameter = (name: string, value: string) =>
  change(types.PARAMETERS, "-database", (_, properties) => {
    for (const one of properties.parameters as { name: string; value: string }[])
      if (one.name === name) one.value = value;
  });

const REQUESTS = "-queues-requests";
const { QUEUE, FUNCTION, EVENT_SOURCE, GLUE_JOB, DATABASE, DOMAIN, LOAD_BALANCER, LAUNCH_TEMPLATE } = types;

/** Mutants by the rule that must stop them. */
export const MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  "aws-provider-pinned": [
    { what: "a provider without the account", mutate: provider("[]") },
    { what: "a provider of another account", mutate: provider('["999999999999"]') },
    { what: "a provider of two accounts", mutate: provider('["333333333333","999999999999"]') },
  ],
  "account-counts": [
    {
      what: "a hundred load balancers",
      mutate: (resources) => {
        for (let count = 0; count < 100; count++)
          add(LOAD_BALANCER, {
            internal: true,
            dropInvalidHeaderFields: true,
            enableDeletionProtection: true,
            accessLogs: { enabled: true },
          })(resources);
        for (const [index, one] of resources.entries()) if (one.name === "mutant") one.name = `mutant-${index}`;
      },
    },
  ],
  "name-lengths": [
    {
      what: "a long name of the load balancer",
      ...set(LOAD_BALANCER, "-api", "name", "rates-prod-api-in-the-middle-of-europe"),
    },
  ],
  "sqs-visibility-covers-function": [
    { what: "visibility 30 s", ...set(QUEUE, REQUESTS, "visibilityTimeoutSeconds", 30) },
    { what: "a function of 15 minutes", ...set(FUNCTION, "-dispatcher", "timeout", 900) },
    {
      what: "a batch window of 5 minutes",
      ...set(EVENT_SOURCE, "-requests", "maximumBatchingWindowInSeconds", 300),
    },
  ],
  "sqs-receives-before-dead-letter": [
    {
      what: "two receives",
      ...set(QUEUE, REQUESTS, "redrivePolicy", '{"maxReceiveCount":2,"deadLetterTargetArn":"x"}'),
    },
  ],
  "sqs-dead-letter-retention": [
    { what: "dead letters for four days", ...set(QUEUE, "-queues-dead", "messageRetentionSeconds", 345_600) },
  ],
  "sqs-response-retention": [
    { what: "responses for an hour", ...set(QUEUE, "-queues-responses", "messageRetentionSeconds", 3_600) },
  ],
  "sqs-limits": [
    { what: "a visibility of a day", ...set(QUEUE, REQUESTS, "visibilityTimeoutSeconds", 86_400) },
    { what: "messages of 2 MiB", ...set(QUEUE, REQUESTS, "maxMessageSize", 2_097_152) },
  ],
  "lambda-event-source-concurrency": [
    {
      what: "more batches than reserved executions",
      ...set(EVENT_SOURCE, "-requests", "scalingConfig.maximumConcurrency", 100),
    },
    { what: "no maximum", ...set(EVENT_SOURCE, "-requests", "scalingConfig", null) },
  ],
  "lambda-event-source-limits": [
    { what: "a maximum of one", ...set(EVENT_SOURCE, "-wakeups", "scalingConfig.maximumConcurrency", 1) },
    { what: "batches that fail as a whole", ...set(EVENT_SOURCE, "-requests", "functionResponseTypes", null) },
  ],
  "lambda-reserved-concurrency": [
    {
      what: "all executions of the account reserved",
      ...set(FUNCTION, "-migrations", "reservedConcurrentExecutions", 950),
    },
  ],
  "lambda-limits": [{ what: "a function of 128 GB", ...set(FUNCTION, "-dispatcher", "memorySize", 131_072) }],
  "glue-concurrent-runs": [
    {
      what: "more Glue runs than the quota",
      ...set(GLUE_JOB, "-glue", "executionProperty.maxConcurrentRuns", 5_000),
    },
  ],
  "glue-dpus": [
    {
      what: "Glue runs of a whole DPU",
      mutate: change(GLUE_JOB, "-glue", (_, all) =>
        Object.assign(all, { maxCapacity: 1, executionProperty: { maxConcurrentRuns: 1_001 } }),
      ),
    },
  ],
  "glue-job-limits": [
    { what: "a Glue job without timeout", ...set(GLUE_JOB, "-glue", "timeout", null) },
    { what: "a Python shell of half a DPU", ...set(GLUE_JOB, "-glue", "maxCapacity", 0.5) },
    {
      what: "queued runs that are retried",
      mutate: change(GLUE_JOB, "-glue", (_, all) => Object.assign(all, { jobRunQueuingEnabled: true, maxRetries: 3 })),
    },
  ],
  "rds-connections": [
    { what: "a small instance", mutate: parameter("max_connections", "200") },
    { what: "a thousand more executions", ...set(FUNCTION, "-migrations", "reservedConcurrentExecutions", 1_100) },
  ],
  "rds-limits": [{ what: "backups for a year", ...set(DATABASE, "-database", "backupRetentionPeriod", 365) }],
  "ec2-vcpus": [
    {
      what: "instances of a type that nobody knows",
      ...set(LAUNCH_TEMPLATE, "-ec2", "instanceType", "c99.metal"),
    },
  ],
  "fargate-vcpus": [{ what: "tasks of 16 vCPUs", ...set(types.TASK, "-api", "cpu", "16384") }],
  "iam-role-policy-size": [
    {
      what: "policies that no role can hold",
      mutate: statement(types.ROLE_POLICY, "-dispatcher", (one) =>
        Object.assign(one, { Resource: Array.from({ length: 800 }, (_, index) => `arn:aws:s3:::${1_000 + index}`) }),
      ),
    },
  ],
  "ec2-group-description": [
    { what: "an apostrophe in a rule", ...set(types.INGRESS, "", "description", "Glue's own") },
    {
      what: "a description of 256 characters",
      mutate: add(types.GROUP, { description: "x".repeat(256) }),
    },
    {
      what: "a letter beyond ASCII in a rule inside its group",
      mutate: add(types.GROUP, {
        description: "parts",
        egress: [{ description: "to Zürich", cidrBlocks: ["10.0.0.0/8"] }],
      }),
    },
    {
      what: "a greater-than sign in a rule to somewhere",
      mutate: add(types.EGRESS, { description: "a > b" }),
    },
  ],
  "sqs-policy-principals": [
    {
      what: "fifty-one accounts that may send",
      mutate: statement(types.QUEUE_POLICY, REQUESTS, (one) =>
        Object.assign(one, {
          Principal: { AWS: Array.from({ length: 51 }, (_, index) => String(111_111_111_111 + index)) },
        }),
      ),
    },
  ],
  "ec2-user-data-size": [
    {
      what: "a start of 20 KB",
      ...set(LAUNCH_TEMPLATE, "-ec2", "userData", Buffer.alloc(20_000, "#").toString("base64")),
    },
  ],
  "monthly-cost": [{ what: "a budget of 10 dollars", ...set(types.BUDGET, "-monitoring", "limitAmount", "10") }],
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
