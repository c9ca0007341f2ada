import { EventRule } from "@pulumi/aws/cloudwatch/eventRule.js";
import { EventTarget } from "@pulumi/aws/cloudwatch/eventTarget.js";
import type { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Alias } from "@pulumi/aws/lambda/alias.js";
import { EventSourceMapping } from "@pulumi/aws/lambda/eventSourceMapping.js";
import { Function as Lambda } from "@pulumi/aws/lambda/function.js";
import { FunctionEventInvokeConfig } from "@pulumi/aws/lambda/functionEventInvokeConfig.js";
import { Invocation } from "@pulumi/aws/lambda/invocation.js";
import { Permission } from "@pulumi/aws/lambda/permission.js";
import type { Queue } from "@pulumi/aws/sqs/queue.js";
import * as pulumi from "@pulumi/pulumi";
import { rdsBundle } from "../runtime/image/rdsCa.ts";
import { type DatabaseEndpoint, databaseClientGroup, databaseEnvironment } from "./database.ts";
import type { OutboundAccess } from "./network.ts";
import type { Queues } from "./queues.ts";
import { type BundleArgs, bundle, RUNTIME_MODULES } from "./shared/bundle.ts";
import { NETWORK_INTERFACES, roleFor, type Statement, writeLogs } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import type { Placement } from "./shared/securityGroups.ts";

/**
 * Arguments of the dispatcher of a stack.
 *
 * @example
 * ```ts
 * import type { Database } from "./database.ts";
 * import { Dispatcher } from "./dispatcher.ts";
 * import type { GlueRunner } from "./glueRunner.ts";
 * import type { Network } from "./network.ts";
 * import type { Queues } from "./queues.ts";
 *
 * export const createDispatcher = (network: Network, database: Database, queues: Queues, glue: GlueRunner) =>
 *   new Dispatcher("rates-dev-dispatcher", {
 *     placement: network.placement,
 *     outbound: network.outbound,
 *     settings: "{}",
 *     database: database.endpoint,
 *     queues,
 *     reservedConcurrency: 14,
 *     eventSourceConcurrency: 10,
 *     wakeupConcurrency: 2,
 *     statements: glue.launchStatements,
 *     glueJobName: glue.job.name,
 *     arch: "arm64",
 *     retentionDays: 30,
 *   });
 * ```
 */
export interface DispatcherArgs {
  /** Private subnets of the function. */
  readonly placement: Placement;
  /** Network access to AWS services. */
  readonly outbound: OutboundAccess;
  /** RATES_SETTINGS as JSON without secrets; deployed as a file, since its size grows with the tenants. */
  readonly settings: pulumi.Input<string>;
  /** Database of the jobs. */
  readonly database: DatabaseEndpoint;
  /** Queues that the dispatcher receives from and sends to. */
  readonly queues: Queues;
  /** Reserved concurrency; undefined when the account has too little to reserve any. */
  readonly reservedConcurrency: number | undefined;
  /** Maximum concurrency of the request queue. */
  readonly eventSourceConcurrency: number;
  /** Maximum concurrency of the wake-up queue. */
  readonly wakeupConcurrency: number;
  /** Permissions in addition to those for its queues, its log and its network interfaces. */
  readonly statements: readonly Statement[];
  /** Glue job whose state changes the dispatcher receives. */
  readonly glueJobName: pulumi.Input<string>;
  /** Processor architecture of the function. */
  readonly arch: "x86_64" | "arm64";
  /** Retention of logs in days. */
  readonly retentionDays: number;
}

/**
 * Timeout, batching and memory of the function. `timeoutSeconds` and `batchWindowSeconds` determine the queues' visibility
 * timeouts.
 */
export const DISPATCHER = {
  timeoutSeconds: 60,
  /** Maximum messages per invocation. */
  batchSize: 10,
  /** No batching window, so that a single request is not delayed. */
  batchWindowSeconds: 0,
  memoryMb: 512,
} as const;

/** Code of the function and the files beside it. */
export const DISPATCHER_BUNDLE: BundleArgs = {
  entry: new URL("../runtime/dispatcher/lambda.ts", import.meta.url),
  external: RUNTIME_MODULES,
  workers: { "sqlParser.mjs": new URL("../runtime/queries/sql/parserWorker.ts", import.meta.url) },
  // Postgres's grammar, which the worker loads from its own directory.
  files: { "libpg-query.wasm": new URL("libpg-query.wasm", import.meta.resolve("libpg-query")) },
};
const QUERIES = new URL("../db/queries/", import.meta.url);
const STATEMENTS = new URL("../db/statements/", import.meta.url);

/** Alias that every source invokes. */
const ALIAS = "live";

/**
 * The Lambda function that accepts requests and starts runs. All its event sources (both queues, the schedule, run
 * state changes) invoke an alias, so that a deployment switches versions atomically and each invocation finishes on the
 * version that it started with. Each version's settings refer to the Glue script and the launch template of the same
 * deployment.
 */
export class Dispatcher extends pulumi.ComponentResource {
  /** Lambda function. */
  readonly function: Lambda;
  /** Alias that all event sources invoke. */
  readonly alias: Alias;
  /** Log of the function. */
  readonly logGroup: LogGroup;
  /** Security group of the function. */
  readonly group: SecurityGroup;

  constructor(name: string, args: DispatcherArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Dispatcher", name, {}, opts);
    const { placement, queues, database } = args;
    const child = { parent: this };

    this.logGroup = logGroup(name, { retentionDays: args.retentionDays }, child);
    const { role, policies } = roleFor(
      name,
      {
        service: "lambda.amazonaws.com",
        statements: [
          {
            actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            resources: [queues.requests.arn, queues.wakeups.arn],
          },
          { actions: ["sqs:SendMessage"], resources: [queues.deadLetters.arn, ...queues.responseArns] },
          // Defers requests of a tenant with too many waiting jobs.
          { actions: ["sqs:ChangeMessageVisibility"], resources: [queues.requests.arn] },
          writeLogs(this.logGroup.arn),
          NETWORK_INTERFACES,
          ...args.statements,
        ],
      },
      child,
    );
    // Lambda uses the function's role to delete its network interfaces; only afterwards can the security group be
    // deleted.
    const roleDependent = { ...child, dependsOn: policies };
    const { group, rules } = databaseClientGroup(
      name,
      { placement, database, clientName: "dispatcher" },
      roleDependent,
    );
    this.group = group;
    this.function = new Lambda(
      name,
      {
        description: args.outbound.description("Accepts requests and starts runs"),
        runtime: "nodejs24.x",
        architectures: [args.arch],
        handler: "index.handler",
        code: pulumi.output(args.settings).apply((settings) =>
          bundle({
            ...DISPATCHER_BUNDLE,
            files: {
              ...DISPATCHER_BUNDLE.files,
              "db/queries": QUERIES,
              "db/statements": STATEMENTS,
              "rds-ca.pem": rdsBundle(),
              "settings.json": settings,
            },
          }),
        ),
        role: role.arn,
        timeout: DISPATCHER.timeoutSeconds,
        memorySize: DISPATCHER.memoryMb,
        publish: true,
        ...(args.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: args.reservedConcurrency }),
        environment: {
          variables: {
            ...databaseEnvironment(database, "/var/task/rds-ca.pem"),
            RATES_QUERIES_DIR: "/var/task/db",
            RATES_SQL_PARSER: "/var/task/sqlParser.mjs",
            // Lambda limits the whole environment to 4 KB (AWS Lambda Developer Guide, quotas).
            RATES_SETTINGS_FILE: "/var/task/settings.json",
            POWERTOOLS_SERVICE_NAME: "dispatcher",
          },
        },
        vpcConfig: { subnetIds: placement.subnetIds, securityGroupIds: [this.group.id] },
        loggingConfig: { logFormat: "JSON", logGroup: this.logGroup.name },
      },
      // The function needs routes to the database and to AWS services before event sources and the drain invoke it.
      { ...child, dependsOn: [...policies, ...rules, ...args.outbound.endpoints] },
    );
    this.alias = new Alias(
      name,
      { name: ALIAS, functionName: this.function.name, functionVersion: this.function.version },
      child,
    );
    // Deleting this invocation ends all runs, which Pulumi does not manage, and prevents new ones; the function and all
    // resources that it uses are deleted afterwards. Creating it allows runs again, and verifies that the function
    // starts and reaches its database.
    new Invocation(
      `${name}-drain`,
      {
        functionName: this.function.name,
        qualifier: this.alias.name,
        input: "{}",
        lifecycleScope: "CRUD",
      },
      // A replacement both deletes and creates it. If it were deleted last, no run could start any more.
      { ...child, deleteBeforeReplace: true },
    );
    this.#consumeQueues(name, args);
    this.#subscribeToEvents(name, args);
    this.registerOutputs({ function: this.function.name });
  }

  #consumeQueues(name: string, args: DispatcherArgs): void {
    const consume = (suffix: string, queue: Queue, maximumConcurrency: number) =>
      new EventSourceMapping(
        `${name}-${suffix}`,
        {
          eventSourceArn: queue.arn,
          functionName: this.alias.arn,
          batchSize: DISPATCHER.batchSize,
          maximumBatchingWindowInSeconds: DISPATCHER.batchWindowSeconds,
          functionResponseTypes: ["ReportBatchItemFailures"],
          scalingConfig: { maximumConcurrency },
          metricsConfig: { metrics: ["EventCount"] },
        },
        { parent: this },
      );
    consume("requests", args.queues.requests, args.eventSourceConcurrency);
    consume("wakeups", args.queues.wakeups, args.wakeupConcurrency);
  }

  /** Subscribes to run state changes, with a schedule as fallback. */
  #subscribeToEvents(name: string, { glueJobName }: DispatcherArgs): void {
    const child = { parent: this };
    const events = {
      schedule: {
        description: "Fallback for missed events",
        scheduleExpression: "rate(1 minute)",
      },
      glue: {
        description: "End of a Glue run",
        eventPattern: pulumi.jsonStringify({
          source: ["aws.glue"],
          "detail-type": ["Glue Job State Change"],
          detail: { jobName: [glueJobName] },
        }),
      },
      // EC2's events lack the instance's tags, so events of other instances cause an unnecessary check.
      ec2: {
        description: "End of an instance",
        eventPattern: JSON.stringify({
          source: ["aws.ec2"],
          "detail-type": ["EC2 Instance State-change Notification"],
          detail: { state: ["terminated", "stopped"] },
        }),
      },
    };
    for (const [suffix, event] of Object.entries(events)) {
      const rule = new EventRule(`${name}-${suffix}`, event, child);
      new Permission(
        `${name}-${suffix}`,
        {
          action: "lambda:InvokeFunction",
          function: this.function.name,
          qualifier: this.alias.name,
          principal: "events.amazonaws.com",
          sourceArn: rule.arn,
        },
        child,
      );
      new EventTarget(`${name}-${suffix}`, { rule: rule.name, arn: this.alias.arn }, child);
    }
    // The next scheduled event does the work of a failed one, so failed and old events are not retried.
    new FunctionEventInvokeConfig(
      name,
      {
        functionName: this.function.name,
        qualifier: this.alias.name,
        maximumRetryAttempts: 0,
        maximumEventAgeInSeconds: 60,
      },
      child,
    );
  }
}
