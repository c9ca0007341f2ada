import * as types from "../../types.ts";
import {
  add,
  change,
  changeStatements,
  type Mutant,
  REQUESTS,
  set,
  setAllowedAccounts,
  setParameter,
} from "./mutant.ts";

const { QUEUE, FUNCTION, EVENT_SOURCE, GLUE_JOB, DATABASE, LOAD_BALANCER, LAUNCH_TEMPLATE } = types;

/** Mutants by the rule of the limits pack that must report them. */
export const LIMITS_MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  "aws-provider-pinned": [
    { label: "a provider without allowed accounts", mutate: setAllowedAccounts("[]") },
    { label: "a provider of another account", mutate: setAllowedAccounts('["999999999999"]') },
    { label: "a provider of two accounts", mutate: setAllowedAccounts('["333333333333","999999999999"]') },
  ],
  "account-counts": [
    {
      label: "a hundred load balancers",
      mutate: (resources) => {
        for (let count = 0; count < 100; count++)
          add(LOAD_BALANCER, {
            internal: true,
            dropInvalidHeaderFields: true,
            enableDeletionProtection: true,
            accessLogs: { enabled: true },
          })(resources);
        for (const [index, resource] of resources.entries())
          if (resource.name === "mutant") resource.name = `mutant-${index}`;
      },
    },
  ],
  "name-lengths": [
    {
      label: "a long name of the load balancer",
      ...set(LOAD_BALANCER, "-api", "name", "rates-prod-api-in-the-middle-of-europe"),
    },
  ],
  "sqs-visibility-covers-function": [
    { label: "a visibility timeout of 30 s", ...set(QUEUE, REQUESTS, "visibilityTimeoutSeconds", 30) },
    { label: "a function of 15 minutes", ...set(FUNCTION, "-dispatcher", "timeout", 900) },
    {
      label: "a batch window of 5 minutes",
      ...set(EVENT_SOURCE, "-requests", "maximumBatchingWindowInSeconds", 300),
    },
  ],
  "sqs-receives-before-dead-letter": [
    {
      label: "dead letters after two receives",
      ...set(QUEUE, REQUESTS, "redrivePolicy", '{"maxReceiveCount":2,"deadLetterTargetArn":"x"}'),
    },
  ],
  "sqs-dead-letter-retention": [
    { label: "dead letters for four days", ...set(QUEUE, "-queues-dead", "messageRetentionSeconds", 345_600) },
  ],
  "sqs-response-retention": [
    { label: "responses for an hour", ...set(QUEUE, "-queues-responses", "messageRetentionSeconds", 3_600) },
  ],
  "sqs-limits": [
    { label: "a visibility timeout of a day", ...set(QUEUE, REQUESTS, "visibilityTimeoutSeconds", 86_400) },
    { label: "messages of 2 MiB", ...set(QUEUE, REQUESTS, "maxMessageSize", 2_097_152) },
  ],
  "lambda-event-source-concurrency": [
    {
      label: "more batches than reserved executions",
      ...set(EVENT_SOURCE, "-requests", "scalingConfig.maximumConcurrency", 100),
    },
    { label: "an event source without maximum concurrency", ...set(EVENT_SOURCE, "-requests", "scalingConfig", null) },
  ],
  "lambda-event-source-limits": [
    { label: "a maximum concurrency of 1", ...set(EVENT_SOURCE, "-wakeups", "scalingConfig.maximumConcurrency", 1) },
    { label: "batches that fail as a whole", ...set(EVENT_SOURCE, "-requests", "functionResponseTypes", null) },
  ],
  "lambda-reserved-concurrency": [
    {
      label: "a function that reserves more executions than AWS allows",
      ...set(FUNCTION, "-migrations", "reservedConcurrentExecutions", 950),
    },
  ],
  "lambda-limits": [{ label: "a function of 128 GB", ...set(FUNCTION, "-dispatcher", "memorySize", 131_072) }],
  "glue-concurrent-runs": [
    {
      label: "more Glue runs than the quota",
      ...set(GLUE_JOB, "-glue", "executionProperty.maxConcurrentRuns", 5_000),
    },
  ],
  "glue-dpus": [
    {
      label: "Glue runs of a whole DPU",
      mutate: change(GLUE_JOB, "-glue", (_, properties) =>
        Object.assign(properties, { maxCapacity: 1, executionProperty: { maxConcurrentRuns: 1_001 } }),
      ),
    },
  ],
  "glue-job-limits": [
    { label: "a Glue job without timeout", ...set(GLUE_JOB, "-glue", "timeout", null) },
    { label: "a Python shell of half a DPU", ...set(GLUE_JOB, "-glue", "maxCapacity", 0.5) },
    {
      label: "queued Glue runs that are retried",
      mutate: change(GLUE_JOB, "-glue", (_, properties) =>
        Object.assign(properties, { jobRunQueuingEnabled: true, maxRetries: 3 }),
      ),
    },
  ],
  "rds-connections": [
    { label: "a max_connections of 200", mutate: setParameter("max_connections", "200") },
    {
      label: "a function of 1,100 executions",
      ...set(FUNCTION, "-migrations", "reservedConcurrentExecutions", 1_100),
    },
  ],
  "rds-limits": [{ label: "backups for a year", ...set(DATABASE, "-database", "backupRetentionPeriod", 365) }],
  "ec2-vcpus": [
    {
      label: "instances of an unknown type",
      ...set(LAUNCH_TEMPLATE, "-ec2", "instanceType", "c99.metal"),
    },
  ],
  "fargate-vcpus": [{ label: "tasks of 16 vCPUs", ...set(types.TASK_DEFINITION, "-api", "cpu", "16384") }],
  "iam-role-policy-size": [
    {
      label: "inline policies that exceed the limit of a role",
      mutate: changeStatements(types.ROLE_POLICY, "-dispatcher", (policyStatement) =>
        Object.assign(policyStatement, {
          Resource: Array.from({ length: 800 }, (_, index) => `arn:aws:s3:::${1_000 + index}`),
        }),
      ),
    },
  ],
  "ec2-group-description": [
    {
      label: "an apostrophe in the description of a rule",
      ...set(types.SECURITY_GROUP_INGRESS, "", "description", "Glue's own"),
    },
    {
      label: "a description of 256 characters",
      mutate: add(types.SECURITY_GROUP, { description: "x".repeat(256) }),
    },
    {
      label: "a non-ASCII letter in the description of an inline rule",
      mutate: add(types.SECURITY_GROUP, {
        description: "components",
        egress: [{ description: "to Zürich", cidrBlocks: ["10.0.0.0/8"] }],
      }),
    },
    {
      label: "a greater-than sign in the description of an egress rule",
      mutate: add(types.SECURITY_GROUP_EGRESS, { description: "a > b" }),
    },
  ],
  "sqs-policy-principals": [
    {
      label: "a queue policy with 51 accounts",
      mutate: changeStatements(types.QUEUE_POLICY, REQUESTS, (policyStatement) =>
        Object.assign(policyStatement, {
          Principal: { AWS: Array.from({ length: 51 }, (_, index) => String(111_111_111_111 + index)) },
        }),
      ),
    },
  ],
  "ec2-user-data-size": [
    {
      label: "user data of 20 KB",
      ...set(LAUNCH_TEMPLATE, "-ec2", "userData", Buffer.alloc(20_000, "#").toString("base64")),
    },
  ],
  "monthly-cost": [{ label: "a budget of 10 dollars", ...set(types.BUDGET, "-monitoring", "limitAmount", "10") }],
};
