import assert from "node:assert/strict";
import { MONTH_HOURS, PRICES } from "../../infra/limits/prices.ts";
import { foreignResource, packFor } from "../testing/foreign.ts";
import type { EngineResource } from "../testing/packClient.ts";
import * as types from "../types.ts";

const { DATABASE, DOMAIN, EVENT_SOURCE, FUNCTION, GLUE_JOB, LOAD_BALANCER, QUEUE, ROLE, ROLE_POLICY } = types;
type Program = (value: number) => EngineResource[];

/** Program with a variable number, and the minimum and maximum that the rule accepts; undefined for no bound. */
type Bound = [rule: string, label: string, program: Program, min: number | undefined, max: number | undefined];

const property = (type: string, path: string, more: Record<string, unknown> = {}): Program => {
  const [top = "", part] = path.split(".");
  return (value) => [foreignResource(type, "it", { ...more, [top]: part === undefined ? value : { [part]: value } })];
};
const withName =
  (type: string, key: string): Program =>
  (length) => [foreignResource(type, "it", { [key]: "x".repeat(length) })];
const repeated =
  (type: string): Program =>
  (count) =>
    Array.from({ length: count }, (_, index) => foreignResource(type, `it-${index}`));
const deadLetterRetention = (retention: number) => [
  foreignResource(QUEUE, "dead", { messageRetentionSeconds: retention }),
  foreignResource(QUEUE, "it", { messageRetentionSeconds: 600 }, { redrivePolicy: [QUEUE, "dead"] }),
];
const eventSource =
  (
    queue: Record<string, unknown>,
    fn: Record<string, unknown>,
    mapping: Record<string, unknown>,
  ): (() => EngineResource[]) =>
  () => [
    foreignResource(QUEUE, "it", queue),
    foreignResource(FUNCTION, "it", fn),
    foreignResource(
      EVENT_SOURCE,
      "it",
      { functionResponseTypes: ["ReportBatchItemFailures"], ...mapping },
      { eventSourceArn: [QUEUE, "it"], functionName: [FUNCTION, "it"] },
    ),
  ];
const scaled = (maximumConcurrency: number) => ({ scalingConfig: { maximumConcurrency } });
const jobs = (count: number, runs: number, dpus: number) =>
  Array.from({ length: count }, (_, index) =>
    foreignResource(GLUE_JOB, `it-${index}`, {
      timeout: 1,
      command: { name: "pythonshell" },
      maxCapacity: dpus,
      executionProperty: { maxConcurrentRuns: runs },
    }),
  );
const maxConnections = (max: number) => [
  foreignResource(types.PARAMETER_GROUP, "it", { parameters: [{ name: "max_connections", value: String(max) }] }),
  foreignResource(DATABASE, "it", { engine: "postgres" }, { parameterGroupName: [types.PARAMETER_GROUP, "it"] }),
  ...["a", "b"].map((name) => foreignResource(types.INSTANCE, name, {}, { userData: [DATABASE, "it"] })),
  foreignResource(
    GLUE_JOB,
    "it",
    { executionProperty: { maxConcurrentRuns: 2 } },
    { defaultArguments: [DATABASE, "it"] },
  ),
];
const rolePolicies = (characters: number) => {
  const policy = (action: string) =>
    JSON.stringify({ Statement: [{ Effect: "Allow", Action: action, Resource: "x" }] }, null, 2);
  const overhead = policy("").replace(/\s/g, "").length;
  const half = Math.floor(characters / 2);
  return [
    foreignResource(ROLE, "it", { inlinePolicies: [{ name: "one", policy: policy("x".repeat(half - overhead)) }] }),
    foreignResource(
      ROLE_POLICY,
      "it",
      { policy: policy("x".repeat(characters - half - overhead)) },
      { role: [ROLE, "it"] },
    ),
  ];
};
const queuePrincipals = (count: number) => {
  const AWS = Array.from({ length: count - 1 }, (_, index) => String(111_111_111_111 + index));
  const Statement = [{ Effect: "Allow", Principal: { AWS, Service: "sns.amazonaws.com" } }];
  return [foreignResource(types.QUEUE_POLICY, "it", { policy: JSON.stringify({ Statement }) })];
};
const costBudget = (limit: number) => [
  foreignResource(LOAD_BALANCER, "it"),
  foreignResource(types.BUDGET, "it", { budgetType: "COST", timeUnit: "MONTHLY", limitAmount: String(limit / 1_000) }),
];
/** A load balancer's monthly price in thousandths of a dollar, rounded up. */
const BALANCER = Math.ceil(PRICES.loadBalancer.usd * MONTH_HOURS * 1_000);

const BOUNDS: readonly Bound[] = [
  ["sqs-limits", "visibility", property(QUEUE, "visibilityTimeoutSeconds"), 0, 43_200],
  ["sqs-limits", "retention", property(QUEUE, "messageRetentionSeconds"), 60, 1_209_600],
  ["sqs-limits", "message size", property(QUEUE, "maxMessageSize"), 1_024, 1_048_576],
  ["sqs-limits", "receive wait time", property(QUEUE, "receiveWaitTimeSeconds"), 0, 20],
  ["sqs-limits", "delay", property(QUEUE, "delaySeconds"), 0, 900],
  ["sqs-receives-before-dead-letter", "receives", property(QUEUE, "redrivePolicy.maxReceiveCount"), 5, undefined],
  ["sqs-dead-letter-retention", "retention of a dead-letter queue", deadLetterRetention, 601, undefined],
  ["sqs-response-retention", "retention", property(QUEUE, "messageRetentionSeconds"), 345_600, undefined],
  [
    "sqs-visibility-covers-function",
    "visibility",
    (visibilityTimeoutSeconds) =>
      eventSource({ visibilityTimeoutSeconds }, { timeout: 7 }, { maximumBatchingWindowInSeconds: 5 })(),
    47,
    undefined,
  ],
  ["sqs-policy-principals", "principals", queuePrincipals, undefined, 50],
  ["name-lengths", "a load balancer's name", withName(LOAD_BALANCER, "name"), undefined, 32],
  ["name-lengths", "a target group's name", withName(types.TARGET_GROUP, "name"), undefined, 32],
  ["name-lengths", "a domain's name", withName(DOMAIN, "domainName"), undefined, 28],
  ["name-lengths", "a queue's name", withName(QUEUE, "name"), undefined, 80],
  ["account-counts", "databases", repeated(DATABASE), undefined, 40],
  ["account-counts", "domains", repeated(DOMAIN), undefined, 100],
  ["account-counts", "load balancers", repeated(LOAD_BALANCER), undefined, 50],
  ["lambda-limits", "timeout", property(FUNCTION, "timeout"), undefined, 900],
  ["lambda-limits", "memory", property(FUNCTION, "memorySize"), 128, 10_240],
  [
    "lambda-limits",
    "environment",
    (bytes) => [
      foreignResource(FUNCTION, "it", {
        environment: { variables: { KÄY: "ä".repeat(100), X: "x".repeat(bytes - 205) } },
      }),
    ],
    undefined,
    4_096,
  ],
  [
    "lambda-reserved-concurrency",
    "reserved executions",
    property(FUNCTION, "reservedConcurrentExecutions"),
    undefined,
    900,
  ],
  ["lambda-event-source-limits", "concurrency", (max) => eventSource({}, {}, scaled(max))(), 2, 1_000],
  [
    "lambda-event-source-concurrency",
    "reserved executions for 7 batches",
    (reserved) => eventSource({}, { reservedConcurrentExecutions: reserved }, scaled(7))(),
    7,
    undefined,
  ],
  ["glue-concurrent-runs", "runs of one job", (runs) => jobs(1, runs, 0.0625), undefined, 1_000],
  ["glue-concurrent-runs", "jobs of 500 runs", (count) => jobs(count, 500, 0.0625), undefined, 4],
  ["glue-dpus", "runs of one DPU", (runs) => jobs(1, runs, 1), undefined, 1_000],
  ["glue-dpus", "jobs of 250 DPUs", (count) => jobs(count, 250, 1), undefined, 4],
  ["glue-job-limits", "timeout", property(GLUE_JOB, "timeout"), 1, 10_079],
  [
    "glue-job-limits",
    "retries of queued runs",
    property(GLUE_JOB, "maxRetries", { timeout: 1, jobRunQueuingEnabled: true }),
    undefined,
    0,
  ],
  // 2 instances with 4 connections each, 2 Glue runs with 3 each, and 10 that no component may use.
  ["rds-connections", "max_connections", maxConnections, 2 * 4 + 2 * 3 + 10, undefined],
  ["rds-limits", "backups", property(DATABASE, "backupRetentionPeriod"), undefined, 35],
  ["rds-limits", "storage", property(DATABASE, "allocatedStorage"), 20, 65_536],
  [
    "fargate-vcpus",
    "cpu",
    (cpu) => [
      foreignResource(types.TASK_DEFINITION, "it", { cpu: String(cpu) }),
      foreignResource(types.ECS_SERVICE, "it", {}, { taskDefinition: [types.TASK_DEFINITION, "it"] }),
    ],
    undefined,
    3_072,
  ],
  [
    "ec2-vcpus",
    "instances of two vCPUs",
    (count) => repeated(types.INSTANCE)(count).map((base) => ({ ...base, props: { instanceType: "m5.large" } })),
    undefined,
    2,
  ],
  ["iam-role-policy-size", "characters", rolePolicies, undefined, 10_240],
  [
    "ec2-group-description",
    "characters",
    (length) => [foreignResource(types.SECURITY_GROUP, "it", { description: "x".repeat(length) })],
    undefined,
    255,
  ],
  [
    "ec2-user-data-size",
    "bytes in base64",
    (bytes) => [
      foreignResource(types.LAUNCH_TEMPLATE, "it", { userData: Buffer.alloc(bytes, "#").toString("base64") }),
    ],
    undefined,
    16_384,
  ],
  [
    "ec2-user-data-size",
    "plain bytes",
    (bytes) => [foreignResource(types.INSTANCE, "it", { userData: "#".repeat(bytes) })],
    undefined,
    16_384,
  ],
  ["monthly-cost", "thousandths of a dollar", costBudget, BALANCER, undefined],
];

describe("bounds of the limits", () => {
  const findingsOf = packFor("limits");
  for (const [rule, label, program, min, max] of BOUNDS)
    it(`${rule} accepts ${label}${min === undefined ? "" : ` from ${min}`}${max === undefined ? "" : ` to ${max}`}`, async () => {
      const countFindings = async (value: number) => (await findingsOf(program(value), rule)).length;
      for (const [bound, outside] of [
        [min, (min ?? 0) - 1],
        [max, (max ?? 0) + 1],
      ] as const) {
        if (bound === undefined) continue;
        assert.equal(await countFindings(bound), 0, `${bound} must be accepted`);
        assert.ok((await countFindings(outside)) > 0, `${outside} must be refused`);
      }
    });
});
