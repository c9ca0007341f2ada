import { Queue } from "@pulumi/aws/sqs/queue.js";
import { QueuePolicy } from "@pulumi/aws/sqs/queuePolicy.js";
import { RedriveAllowPolicy } from "@pulumi/aws/sqs/redriveAllowPolicy.js";
import * as pulumi from "@pulumi/pulumi";
import { LIMITS } from "./limits/limits.ts";
import { tlsOnly } from "./shared/tlsOnly.ts";

/** A principal outside this stack that may use its queues. */
export interface Caller {
  /** ARN of a role, a user or an account's root. */
  readonly principal: string;
  /** Tenants whose responses it receives. Tenants without their own queue use the shared queue. */
  readonly tenants: readonly string[];
}

/**
 * Arguments of the queues of a stack.
 *
 * @example
 * ```ts
 * import { Queues } from "./queues.ts";
 *
 * const queues = new Queues("rates-dev-queues", {
 *   consumer: { timeoutSeconds: 60, batchWindowSeconds: 0 },
 *   tenants: ["acme"],
 *   callers: [{ principal: "arn:aws:iam::123456789012:role/pricing", tenants: ["acme"] }],
 *   responseDays: 14,
 * });
 * export const requestQueueUrl = queues.requests.url;
 * ```
 */
export interface QueuesArgs {
  /** Function that receives requests: its timeout per batch and its batching window. */
  readonly consumer: { readonly timeoutSeconds: number; readonly batchWindowSeconds: number };
  /** Tenants with their own response queue. */
  readonly tenants: readonly string[];
  /** Principals that send requests and receive responses, with their tenants. */
  readonly callers: readonly Caller[];
  /** Retention of responses in days. */
  readonly responseDays: number;
}

const DAY_SECONDS = 86_400;
/**
 * Number of receives after which SQS moves a message to the dead-letter queue: SQS's maximum. The dispatcher moves
 * invalid messages itself, so only outages and tenants with too many waiting jobs cause many receives. The visibility
 * timeout separates the receives, so that a message reaches the maximum only after days, or expires first.
 */
const MAX_RECEIVES = 1_000;
/**
 * Retention in days. An outage of this length loses no request: those that reach MAX_RECEIVES become dead letters, which
 * are kept longer, since SQS counts their age from the original send.
 */
const REQUEST_DAYS = 7;
/** Retention in seconds. A wake-up only triggers a check, which the schedule does every minute too. */
const WAKEUP_SECONDS = 300;
/** Visibility timeout of responses in seconds. */
const RESPONSE_VISIBILITY_SECONDS = 60;

const SEND = ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"];
const RECEIVE = [
  "sqs:ReceiveMessage",
  "sqs:DeleteMessage",
  "sqs:ChangeMessageVisibility",
  "sqs:GetQueueUrl",
  "sqs:GetQueueAttributes",
];

/**
 * Queues for requests, wake-ups and dead letters, a response queue for each tenant in `tenants`, and a shared response
 * queue for the others. All are encrypted, refuse requests without TLS, and allow only named principals. The visibility
 * timeout of the queues that the dispatcher reads is six times its timeout plus the batching window (AWS Lambda
 * Developer Guide, SQS).
 */
export class Queues extends pulumi.ComponentResource {
  /** Requests of callers. */
  readonly requests: Queue;
  /** Messages that make the dispatcher look for work at once. */
  readonly wakeups: Queue;
  /** Messages that are not requests, or that could not be handled. */
  readonly deadLetters: Queue;
  /** Response queue of tenants without their own. */
  readonly responses: Queue;
  /** Response queues of tenants with their own, by tenant. */
  readonly tenants: Readonly<Record<string, Queue>>;
  /** Queue URLs in the form of the runtime's settings. */
  readonly settings: pulumi.Output<{
    requests: string;
    wakeups: string;
    deadLetters: string;
    responses: string;
    tenants: Record<string, string>;
  }>;
  /** ARNs of all response queues. */
  readonly responseArns: pulumi.Output<string>[];

  constructor(name: string, args: QueuesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Queues", name, {}, opts);
    const { consumer, callers } = args;
    const child = { parent: this };
    const visibilityTimeoutSeconds = 6 * consumer.timeoutSeconds + consumer.batchWindowSeconds;
    const queue = (suffix: string, settings: Partial<ConstructorParameters<typeof Queue>[1]> = {}): Queue =>
      new Queue(
        `${name}-${suffix}`,
        {
          sqsManagedSseEnabled: true,
          maxMessageSize: LIMITS.sqsMessage.value,
          // An empty receive costs as much as a full one, so readers use long polling by default.
          receiveWaitTimeSeconds: 20,
          ...settings,
        },
        child,
      );

    this.deadLetters = queue("dead", { messageRetentionSeconds: LIMITS.sqsRetentionMax.value });
    this.requests = queue("requests", {
      visibilityTimeoutSeconds,
      messageRetentionSeconds: REQUEST_DAYS * DAY_SECONDS,
      redrivePolicy: pulumi.jsonStringify({
        deadLetterTargetArn: this.deadLetters.arn,
        maxReceiveCount: MAX_RECEIVES,
      }),
    });
    this.wakeups = queue("wakeups", {
      visibilityTimeoutSeconds,
      messageRetentionSeconds: Math.max(WAKEUP_SECONDS, visibilityTimeoutSeconds),
    });
    const response = {
      visibilityTimeoutSeconds: RESPONSE_VISIBILITY_SECONDS,
      messageRetentionSeconds: args.responseDays * DAY_SECONDS,
    };
    this.responses = queue("responses", response);
    this.tenants = Object.fromEntries(args.tenants.map((tenant) => [tenant, queue(`responses-${tenant}`, response)]));
    new RedriveAllowPolicy(
      `${name}-dead`,
      {
        queueUrl: this.deadLetters.url,
        redriveAllowPolicy: pulumi.jsonStringify({
          redrivePermission: "byQueue",
          sourceQueueArns: [this.requests.arn],
        }),
      },
      child,
    );

    const policy = (suffix: string, target: Queue, actions: string[], principals: string[]): void => {
      new QueuePolicy(
        `${name}-${suffix}`,
        { queueUrl: target.url, policy: policyOf(target.arn, actions, [...new Set(principals)]) },
        child,
      );
    };
    const readersOf = (isReadable: (tenant: string) => boolean) =>
      callers.filter((caller) => caller.tenants.some(isReadable)).map(({ principal }) => principal);
    policy(
      "requests",
      this.requests,
      SEND,
      callers.map(({ principal }) => principal),
    );
    policy("wakeups", this.wakeups, SEND, []);
    policy("dead", this.deadLetters, RECEIVE, []);
    policy(
      "responses",
      this.responses,
      RECEIVE,
      readersOf((tenant) => !args.tenants.includes(tenant)),
    );
    for (const [tenant, responseQueue] of Object.entries(this.tenants))
      policy(
        `responses-${tenant}`,
        responseQueue,
        RECEIVE,
        readersOf((readerTenant) => readerTenant === tenant),
      );

    this.responseArns = [this.responses, ...Object.values(this.tenants)].map(({ arn }) => arn);
    this.settings = pulumi.output({
      requests: this.requests.url,
      wakeups: this.wakeups.url,
      deadLetters: this.deadLetters.url,
      responses: this.responses.url,
      tenants: Object.fromEntries(Object.entries(this.tenants).map(([tenant, { url }]) => [tenant, url])),
    });
    this.registerOutputs({ settings: this.settings });
  }
}

/** Returns a policy that denies requests without TLS and allows principals, in addition to the account's IAM policies. */
const policyOf = (arn: pulumi.Output<string>, actions: string[], principals: string[]): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      tlsOnly("sqs:*", arn),
      ...(principals.length === 0
        ? []
        : [{ Sid: "Callers", Effect: "Allow", Principal: { AWS: principals }, Action: actions, Resource: arn }]),
    ],
  });
