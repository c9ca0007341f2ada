import { Queue } from "@pulumi/aws/sqs/queue.js";
import { QueuePolicy } from "@pulumi/aws/sqs/queuePolicy.js";
import { RedriveAllowPolicy } from "@pulumi/aws/sqs/redriveAllowPolicy.js";
import * as pulumi from "@pulumi/pulumi";
import { LIMITS } from "./limits/limits.ts";
import { tlsOnly } from "./shared/tlsOnly.ts";

/** A system beyond this stack's own roles that may use its queues. */
export interface Caller {
  /** The ARN of a role, a user or an account's root. */
  readonly principal: string;
  /** Whose responses it takes. Tenants without a queue of their own have those of the shared queue. */
  readonly tenants: readonly string[];
}

/** The queues of a stack. */
export interface QueuesArgs {
  /** The function that takes requests: how long it may take for a batch, and how long a batch is waited for. */
  readonly consumer: { readonly timeoutSeconds: number; readonly batchWindowSeconds: number };
  /** Tenants with a response queue of their own. */
  readonly tenants: readonly string[];
  readonly callers: readonly Caller[];
  /** Days that a response waits for its reader. */
  readonly responseDays: number;
}

const DAY = 86_400;
/**
 * Receives before SQS itself gives a message up. The dispatcher moves what it cannot take in by itself, so only an outage
 * uses receives, one each visibility timeout: as many as SQS lets there be, days of it.
 */
const MOST_RECEIVES = 1_000;
/** Requests wait out an outage that long; dead letters stay longer, so that none expires on its way. Days. */
const REQUEST_DAYS = 7;
/** A wake-up only says "look now": the schedule does the same a minute later. Seconds. */
const WAKEUP_SECONDS = 300;
/** How long a reader of responses may take over one before it is shown again. Seconds. */
const RESPONSE_VISIBILITY = 60;

const SEND = ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"];
const RECEIVE = [
  "sqs:ReceiveMessage",
  "sqs:DeleteMessage",
  "sqs:ChangeMessageVisibility",
  "sqs:GetQueueUrl",
  "sqs:GetQueueAttributes",
];

/**
 * Requests, wake-ups, dead letters, and a response queue for each tenant that has one of its own and for all others
 * together. All are encrypted, refuse what does not come over TLS, and let in only who is named. A message stays out of
 * sight for six times what the dispatcher may take, and the batch window (AWS Lambda Developer Guide, SQS).
 */
export class Queues extends pulumi.ComponentResource {
  readonly requests: Queue;
  readonly wakeups: Queue;
  readonly deadLetters: Queue;
  /** The response queue of tenants without one of their own. */
  readonly responses: Queue;
  readonly tenants: Readonly<Record<string, Queue>>;
  /** Their URLs, as the runtime's settings have them. */
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
    const queue = (what: string, settings: Partial<ConstructorParameters<typeof Queue>[1]> = {}): Queue =>
      new Queue(
        `${name}-${what}`,
        {
          sqsManagedSseEnabled: true,
          maxMessageSize: LIMITS.sqsMessage.value,
          // An empty receive costs as much as a full one: readers wait for messages by default.
          receiveWaitTimeSeconds: 20,
          ...settings,
        },
        child,
      );

    this.deadLetters = queue("dead", { messageRetentionSeconds: LIMITS.sqsRetentionMax.value });
    this.requests = queue("requests", {
      visibilityTimeoutSeconds,
      messageRetentionSeconds: REQUEST_DAYS * DAY,
      redrivePolicy: pulumi.jsonStringify({
        deadLetterTargetArn: this.deadLetters.arn,
        maxReceiveCount: MOST_RECEIVES,
      }),
    });
    this.wakeups = queue("wakeups", {
      visibilityTimeoutSeconds,
      messageRetentionSeconds: Math.max(WAKEUP_SECONDS, visibilityTimeoutSeconds),
    });
    const response = {
      visibilityTimeoutSeconds: RESPONSE_VISIBILITY,
      messageRetentionSeconds: args.responseDays * DAY,
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

    const policy = (what: string, of: Queue, actions: string[], principals: string[]): void => {
      new QueuePolicy(
        `${name}-${what}`,
        { queueUrl: of.url, policy: policyOf(of.arn, actions, [...new Set(principals)]) },
        child,
      );
    };
    const readersOf = (has: (tenant: string) => boolean) =>
      callers.filter((caller) => caller.tenants.some(has)).map(({ principal }) => principal);
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
    for (const [tenant, own] of Object.entries(this.tenants))
      policy(
        `responses-${tenant}`,
        own,
        RECEIVE,
        readersOf((one) => one === tenant),
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

/** Nobody without TLS; beyond that, whom their own account's policies let in, and those who are named. */
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
