import { randomUUID } from "node:crypto";
import { SendMessageBatchCommand, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type pg from "pg";
import { pino } from "pino";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import type { DispatcherDeps } from "../dispatcher/deps.ts";
import { createHandlers, type Handlers } from "../dispatcher/handlers.ts";
import { CapacityUnavailable, type Launcher, type RunStatus } from "../dispatcher/launcher.ts";
import { Ec2Launcher, LAUNCH_TAG } from "../dispatcher/launchers/ec2.ts";
import { readSettings, type Settings } from "../platform/settings.ts";
import { type RunIdentity, run } from "../runner/run.ts";
import { Sessions } from "../runner/sessions.ts";
import { sqsEvent } from "../testing/dispatcher.ts";
import { trackingStore } from "../tracking/index.ts";
import { Actor } from "./actor.ts";
import { type DedicatedClients, type SharedClients, sever } from "./clients.ts";
import { SimulatedEc2, type SimulatedLaunchOutcome } from "./ec2.ts";

/** A message of the request queue. */
export interface Message {
  readonly body: string;
  /** True if it was deleted. SQS may deliver it again anyway. */
  deleted: boolean;
}

/** A received response. */
export interface ReceivedResponse {
  readonly queue: string;
  readonly body: string;
  readonly responseId: string;
  readonly requestId: string;
  readonly status: string;
}

/** A launched run: an instance or a Glue run of the simulated account. */
export interface LaunchedRun {
  readonly identity: RunIdentity;
  readonly runnerType: RunnerType;
  /** Undefined until it has booted. */
  actor?: Actor;
  stopped: boolean;
}

/** Lock timeout of a cancel: a run that holds the lock may get its next turn only after the cancel. */
const CALLER_LOCK_TIMEOUT_MS = 100;
const LOCK_NOT_AVAILABLE = "55P03";
/** Clock skew between successive invocations of the dispatcher. */
const SKEW_MS = 100_000;
const EC2 = {
  launchTemplateId: "lt-1",
  launchTemplateVersion: "1",
  subnetIds: ["subnet-a", "subnet-b"],
  spot: false,
  onDemandFallback: true,
  tags: { "rates:stack": "sim" },
};
const QUEUES = { requests: "requests", wakeups: "wakeups", deadLetters: "dead", responses: "responses", tenants: {} };

/**
 * Environment of the production code of dispatcher and runner: a real Postgres with a clock that only the schedule
 * advances, and a simulated queue and AWS account.
 */
export class SimulatedEnvironment {
  readonly messages: Message[] = [];
  readonly responses: ReceivedResponse[] = [];
  readonly deadLetters: string[] = [];
  readonly launched: LaunchedRun[] = [];
  readonly actors: Actor[] = [];
  /** Observed violations of guarantees. */
  readonly violations: string[] = [];
  /** Injected outcomes of the next launches. Without one, a launch succeeds unless EC2 throttles it. */
  readonly launchOutcomes: SimulatedLaunchOutcome[] = [];
  readonly #ec2 = new SimulatedEc2({
    now: () => this.#elapsedMs,
    outcome: () => this.launchOutcomes.shift(),
    hasEnded: (instance) => this.#withInstance(instance, (launched) => this.#status(launched)) === "ENDED",
    onLaunch: ({ instance, tags }) => this.#addRun("ec2", { launch: tags[LAUNCH_TAG] ?? "", instance }),
    onTerminate: (instance) => this.#withInstance(instance, (launched) => this.#stop(launched)),
  });
  readonly admin: pg.Client;
  readonly #settings: Settings;
  #invocations = 0;

  readonly #slots: Record<RunnerType, number>;
  readonly #dispatcherClients: SharedClients;
  readonly #runClients: DedicatedClients;
  /** Milliseconds that have passed on the shared clock. */
  #elapsedMs = 0;

  constructor(
    admin: pg.Client,
    dispatcherClients: SharedClients,
    runClients: DedicatedClients,
    slots: Record<RunnerType, number>,
  ) {
    this.admin = admin;
    this.#slots = slots;
    this.#dispatcherClients = dispatcherClients;
    this.#runClients = runClients;
    this.#settings = readSettings({
      RATES_SETTINGS: JSON.stringify({
        queues: QUEUES,
        buckets: { results: "results", uploads: "uploads" },
        runners: {
          glue: { slots: slots.glue, idleSeconds: 0, startSeconds: 60 },
          ec2: { slots: slots.ec2, idleSeconds: 0, startSeconds: 60 },
        },
        ec2: EC2,
        jobs: { rawSql: true, maxAttempts: 3, leaseSeconds: 30, readsOnEc2: false },
      }),
    });
  }

  /** Advances the shared clock of leases and deadlines. */
  async advance(seconds: number): Promise<void> {
    this.#elapsedMs += seconds * 1000;
    await this.admin.query("update sim.time set now = now + make_interval(secs => $1)", [seconds]);
  }

  /** Delivers messages to an invocation of the dispatcher, then deletes those that it does not report as failed. */
  deliver(messages: readonly Message[]): Actor {
    return this.#invoke("requests", async (handlers) => {
      const event = sqsEvent(...messages.map(({ body }) => body));
      const { batchItemFailures } = await handlers.requests(event);
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      for (const [index, record] of event.Records.entries()) {
        const message = messages[index];
        if (message && !failed.has(record.messageId)) message.deleted = true;
      }
    });
  }

  /** Invokes the dispatcher as its timer does. */
  tick(): Actor {
    return this.#invoke("tick", (handlers) => handlers.tick());
  }

  /** Starts a launched run. */
  boot(launched: LaunchedRun): Actor {
    const clients: pg.Client[] = [];
    // When the actor crashes, the server sees its sockets close, like those of a killed process.
    const actor = new Actor("run", `${launched.runnerType} ${this.launched.indexOf(launched)}`, () =>
      clients.forEach(sever),
    );
    this.actors.push(actor);
    launched.actor = actor;
    actor.begin(async () => {
      const connectAs = async (role: string) => {
        const client = await this.#runClients.take(actor, role);
        clients.push(client);
        return client;
      };
      const client = await connectAs("job_keeper");
      const sessions = new Sessions(connectAs);
      const log = pino({ level: "silent" });
      try {
        await run({
          runnerType: launched.runnerType,
          identity: launched.identity,
          client,
          deps: {
            sessions,
            settings: this.#settings,
            s3: () => Promise.reject(new Error("the simulation has no S3")),
            resultsBucket: "results",
            log,
          },
          sqs: this.#sqs(actor),
          queues: QUEUES,
          logLocation: undefined,
          draining: new AbortController().signal,
          // Waiting in real time would make schedules irreproducible.
          gatherMs: 0,
        });
      } finally {
        await this.#runClients.giveBack(clients);
      }
    });
    return actor;
  }

  /** Cancels a job as a caller. A cancel that waits for a committing run times out, like a real call. */
  async cancel(requestId: string): Promise<void> {
    await this.admin.query(`begin; set local lock_timeout = ${CALLER_LOCK_TIMEOUT_MS}`);
    try {
      await this.admin.query("select jobs.cancel('default', $1)", [requestId]);
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
    } finally {
      await this.admin.query("commit");
    }
  }

  /** Returns the requests whose jobs are in progress. */
  async runningJobs(): Promise<string[]> {
    const { rows } = await this.admin.query(
      "select request_id from jobs.jobs where status = 'IN_PROGRESS' order by id",
    );
    return rows.map(({ request_id }) => request_id);
  }

  /** Records violations of guarantee 6: jobs that are CANCELLED while their session is busy. */
  async checkCancelled(): Promise<void> {
    // Queries only the session of each such job: querying all sessions (pg_stat_activity) would take most of a
    // schedule's time.
    const { rows } = await this.admin.query({
      name: "cancelled",
      text: `select j.request_id, a.pid from jobs.jobs j cross join lateral pg_stat_get_activity(j.backend_pid) a
        where j.status = 'CANCELLED' and j.backend_pid is not null and a.backend_start = j.backend_start and a.state <> 'idle'`,
    });
    for (const { request_id, pid } of rows)
      this.violations.push(`guarantee 6: job ${request_id} is CANCELLED, and its session ${pid} is busy`);
  }

  /** Returns true if no work is left: no message, no unfinished job, no unsent response, no run. */
  async isAtRest(): Promise<boolean> {
    if (this.messages.some(({ deleted }) => !deleted)) return false;
    const { rows } = await this.admin.query(`select
      (select count(*) from jobs.jobs where finished_at is null) + (select count(*) from jobs.responses where due_at is not null)
      + (select count(*) from jobs.reply_requests)
      + (select count(*) from jobs.runs where state <> 'ENDED') as left`);
    return Number(rows[0].left) === 0;
  }

  /** Returns true if every job has ended. */
  async isDone(): Promise<boolean> {
    const { rows } = await this.admin.query("select from jobs.jobs where finished_at is null limit 1");
    return rows.length === 0;
  }

  /** Returns true if the maximum number of runs of a type exists. */
  isFull(runnerType: string): boolean {
    return RUNNERS.some((type) => type === runnerType && this.#activeCount(type) >= this.#slots[type]);
  }

  /** Returns the number of runs of a type that have not ended. */
  #activeCount(runnerType: RunnerType): number {
    return this.launched.filter((launched) => launched.runnerType === runnerType && this.#status(launched) === "ALIVE")
      .length;
  }

  /** Ends all remaining actors. */
  close(): void {
    for (const actor of this.actors) actor.crash();
  }

  #invoke(name: string, work: (handlers: Handlers) => Promise<unknown>): Actor {
    const actor: Actor = new Actor("dispatcher", `${name} ${++this.#invocations}`, () => connections.sever());
    const connections = this.#dispatcherClients.poolFor(actor);
    const db = connections.pool;
    this.actors.push(actor);
    const launcher: Launcher = {
      start: (run, runnerType, options) =>
        actor.call(`launch ${runnerType}`, async () => {
          options?.assertBeforeDeadline?.();
          return this.#launchRun(run, runnerType);
        }),
      status: (run) => actor.call("describe run", async () => this.#statusOf(run)),
      stop: (run) => actor.call("stop run", async () => this.#stop(this.#run(run))),
    };
    const ec2 = this.#ec2.client((label, effect) => actor.call(label, effect));
    // Every invocation's clock has its own skew.
    const skew = this.#invocations * SKEW_MS;
    const context: DispatcherDeps = {
      db,
      plans: db,
      sqs: this.#sqs(actor),
      s3: () => Promise.reject(new Error("the simulation has no S3")),
      queues: QUEUES,
      settings: this.#settings,
      launchers: { glue: launcher, ec2: new Ec2Launcher(EC2, ec2) },
      tracking: trackingStore(this.#settings, db),
      traceHeaders: async () => ({}),
      log: pino({ level: "silent" }),
      now: () => this.#elapsedMs + skew,
      sleep: (milliseconds) => actor.call("wait", () => this.advance(milliseconds / 1_000)),
    };
    actor.begin(() => work(createHandlers(context)).finally(connections.release));
    return actor;
  }

  #launchRun(run: string, runnerType: RunnerType): string {
    const outcome = this.launchOutcomes.shift();
    if (outcome === "refuse" || outcome === "throttle")
      throw new CapacityUnavailable("ConcurrentRunsExceededException");
    this.#addRun(runnerType, { run });
    if (outcome === "unknown") throw new Error("timeout");
    return `external-${run}`;
  }

  #addRun(runnerType: RunnerType, identity: RunIdentity): void {
    this.launched.push({ identity, runnerType, stopped: false });
    if (this.#activeCount(runnerType) > this.#slots[runnerType])
      this.violations.push(`guarantee 4: ${this.#activeCount(runnerType)} ${runnerType} runs at once`);
  }

  #run(run: string): LaunchedRun | undefined {
    return this.launched.find(({ identity }) => "run" in identity && identity.run === run);
  }

  #withInstance<T>(instance: string, use: (launched: LaunchedRun) => T): T | undefined {
    const launched = this.launched.find(({ identity }) => "instance" in identity && identity.instance === instance);
    return launched && use(launched);
  }

  #statusOf(run: string): RunStatus {
    const launched = this.#run(run);
    return launched ? this.#status(launched) : "UNKNOWN";
  }

  #status({ actor, stopped }: LaunchedRun): RunStatus {
    if (stopped) return "ENDED";
    return actor === undefined || actor.state === "alive" ? "ALIVE" : "ENDED";
  }

  #stop(launched: LaunchedRun | undefined): void {
    if (!launched) return;
    launched.stopped = true;
    launched.actor?.crash();
  }

  #sqs(actor: Actor): SQSClient {
    const send = (command: unknown) => {
      if (command instanceof SendMessageBatchCommand) {
        const { QueueUrl = "", Entries = [] } = command.input;
        return actor.call(`send to ${QueueUrl}`, async () => ({
          Successful: Entries.map(({ Id, MessageBody = "", MessageAttributes = {} }) => {
            const text = (name: string) => MessageAttributes[name]?.StringValue ?? "";
            const received = { queue: QueueUrl, body: MessageBody, responseId: text("responseId") };
            this.responses.push({ ...received, requestId: text("requestId"), status: text("status") });
            return { Id, MessageId: randomUUID() };
          }),
        }));
      }
      if (!(command instanceof SendMessageCommand))
        throw new Error("the simulated SQS supports only SendMessage and SendMessageBatch");
      const { QueueUrl = "", MessageBody = "" } = command.input;
      if (QueueUrl !== QUEUES.deadLetters)
        throw new Error(`the simulated SQS supports SendMessage only to the dead-letter queue, not to ${QueueUrl}`);
      return actor.call(`send to ${QueueUrl}`, async () => {
        this.deadLetters.push(MessageBody);
        return { MessageId: randomUUID() };
      });
    };
    return { send } as unknown as SQSClient;
  }
}
