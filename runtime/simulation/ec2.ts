import {
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";

/** AWS's token buckets of RunInstances: requests, and instances (Amazon EC2 Developer Guide, request throttling). */
const REQUESTS = { size: 5, perSecond: 2 };
const INSTANCES = { size: 1_000, perSecond: 2 };
/** Delay until DescribeInstances shows a new instance. Milliseconds. */
const VISIBLE_AFTER_MS = 3_000;

/** An instance of the simulated account. */
export interface SimulatedInstance {
  readonly instance: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly launchedAt: number;
}

/**
 * Injected outcome of a RunInstances request: no capacity, no response, only one instance, or a throttle. Otherwise the
 * account's state determines the outcome.
 */
export type SimulatedLaunchOutcome = "refuse" | "unknown" | "partial" | "throttle";

/** Dependencies of a simulated EC2. */
interface Ec2Options {
  /** The account's clock. Milliseconds. */
  now(): number;
  /** Returns true if an instance has ended. */
  hasEnded(instance: string): boolean;
  /** Called for each new instance. */
  onLaunch(instance: SimulatedInstance): void;
  onTerminate(instance: string): void;
  /** Returns the injected outcome of the next request; undefined if none is injected. */
  outcome?(): SimulatedLaunchOutcome | undefined;
  /**
   * Number of instances that can still start, by subnet id, or by `spot:` and the subnet id for Spot Instances.
   *
   * @default unlimited
   */
  capacity?: Map<string, number>;
}

/** A command of the SDK with its middleware stack. */
interface Command {
  input: unknown;
  middlewareStack: {
    resolve(handler: (args: object) => Promise<object>, context: object): (args: object) => Promise<{ output: object }>;
  };
}

class Bucket {
  readonly #size: number;
  readonly #perMs: number;
  #tokens: number;
  #updatedAt = Number.NEGATIVE_INFINITY;

  constructor({ size, perSecond }: { size: number; perSecond: number }) {
    this.#size = size;
    this.#perMs = perSecond / 1_000;
    this.#tokens = size;
  }

  /** Takes tokens; returns false if there are not enough. */
  take(count: number, now: number): boolean {
    const refilled = this.#updatedAt === Number.NEGATIVE_INFINITY ? 0 : (now - this.#updatedAt) * this.#perMs;
    this.#tokens = Math.min(this.#size, this.#tokens + refilled);
    this.#updatedAt = now;
    // The database's bucket counts in microseconds, this one in milliseconds: the tolerance allows for rounding.
    if (this.#tokens + 1e-3 < count) return false;
    this.#tokens -= count;
    return true;
  }
}

const awsError = (name: string, message: string, httpStatusCode = 400) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

/**
 * Simulated EC2 for launches: client tokens, launches of fewer instances than requested, token buckets of requests and
 * instances, and instances that appear late. It serves the SDK's production client.
 */
export class SimulatedEc2 {
  readonly instances: SimulatedInstance[] = [];
  /** Number of requests that the rate of requests or an injected outcome throttled, not the rate of instances. */
  throttled = 0;
  /** Time and number of instances of each request that started some. */
  readonly launches: { at: number; count: number }[] = [];
  readonly #options: Ec2Options;
  readonly #requests = new Bucket(REQUESTS);
  readonly #instances = new Bucket(INSTANCES);
  readonly #tokens = new Map<string, { parameters: string; instances: SimulatedInstance[] }>();

  constructor(options: Ec2Options) {
    this.#options = options;
  }

  /** Creates a client that passes each call to `execute`. */
  client(execute: <T>(label: string, effect: () => Promise<T>) => Promise<T>): EC2Client {
    const client = new EC2Client({ region: "eu-west-1", credentials: { accessKeyId: "sim", secretAccessKey: "sim" } });
    const send = (command: unknown) => {
      const label = command instanceof RunInstancesCommand ? "launch ec2" : "call ec2";
      const { input, middlewareStack } = command as Command;
      // The command's middleware stack ends in #respond instead of an HTTP request, and runs when `execute` calls it.
      const handler = middlewareStack.resolve(async () => ({ output: this.#respond(command), response: {} }), {});
      return execute(label, async () => (await handler({ input })).output);
    };
    return Object.assign(client, { send });
  }

  #respond(command: unknown): object {
    if (command instanceof RunInstancesCommand) return this.#run(command.input);
    if (command instanceof TerminateInstancesCommand) {
      for (const id of command.input.InstanceIds ?? []) this.#options.onTerminate(id);
      return {};
    }
    if (command instanceof DescribeInstancesCommand) {
      const visible = this.instances.filter(({ launchedAt }) => launchedAt + VISIBLE_AFTER_MS <= this.#options.now());
      return { Reservations: visible.map((instance) => ({ Instances: [this.#describe(instance)] })) };
    }
    throw new Error("the simulated EC2 does not support this call");
  }

  #run({ ClientToken = "", MaxCount = 1, SubnetId = "", ...rest }: RunInstancesCommandInput): object {
    const now = this.#options.now();
    const outcome = this.#options.outcome?.();
    if (outcome === "throttle" || !this.#requests.take(1, now)) {
      this.throttled++;
      throw awsError("RequestLimitExceeded", "Request limit exceeded.", 503);
    }
    const parameters = JSON.stringify({ MaxCount, SubnetId, ...rest });
    const known = this.#tokens.get(ClientToken);
    if (known && known.parameters !== parameters) throw awsError("IdempotentParameterMismatch", "other parameters");
    const target = rest.InstanceMarketOptions?.MarketType === "spot" ? `spot:${SubnetId}` : SubnetId;
    const started = known?.instances ?? this.#start(MaxCount, target, rest, outcome, now);
    this.#tokens.set(ClientToken, { parameters, instances: started });
    if (outcome === "unknown") throw new Error("socket hang up");
    return { Instances: started.map((instance) => this.#describe(instance)) };
  }

  #start(
    requestedCount: number,
    target: string,
    { TagSpecifications = [] }: Pick<RunInstancesCommandInput, "TagSpecifications">,
    outcome: SimulatedLaunchOutcome | undefined,
    now: number,
  ): SimulatedInstance[] {
    const capacity = this.#options.capacity?.get(target) ?? Number.POSITIVE_INFINITY;
    if (outcome === "refuse" || capacity < 1)
      throw awsError("InsufficientInstanceCapacity", `no capacity in ${target}`, 500);
    if (!this.#instances.take(requestedCount, now))
      throw awsError("RequestLimitExceeded", "You exceeded the resource rate limit of ec2:RunInstances.", 503);
    const count = outcome === "partial" ? 1 : Math.min(requestedCount, capacity);
    this.#options.capacity?.set(target, capacity - count);
    this.launches.push({ at: now, count });
    const pairs = (TagSpecifications[0]?.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]);
    return Array.from({ length: count }, () => {
      const instance = `i-${this.instances.length.toString(16).padStart(17, "0")}`;
      const started = { instance, tags: Object.fromEntries(pairs), launchedAt: now };
      this.instances.push(started);
      this.#options.onLaunch(started);
      return started;
    });
  }

  #describe({ instance, tags }: SimulatedInstance): object {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    return { InstanceId: instance, Tags, State: { Name: this.#options.hasEnded(instance) ? "terminated" : "running" } };
  }
}
