import * as types from "../../types.ts";
import { add, change, type Mutant, parameter, provider, REQUESTS, set, statement } from "./mutant.ts";

const { QUEUE, FUNCTION, EVENT_SOURCE, GLUE_JOB, DATABASE, LOAD_BALANCER, LAUNCH_TEMPLATE } = types;

/** Mutants by the rule of the limits pack that must stop them. */
export const LIMITS_MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
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
};
