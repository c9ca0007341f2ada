import type { RunnerType } from "../contract/states.ts";
import type { RequestRate } from "../store/awsRequestRates.ts";
import type { Launch } from "../store/launches.ts";

/** State of a run as AWS (or the machine) reports it; UNKNOWN if the run was not found. */
export type RunStatus = "ALIVE" | "ENDED" | "OUT_OF_MEMORY" | "UNKNOWN";

/** Launch parameters of a run, besides its identity. */
export interface LaunchOptions {
  /**
   * Must be called immediately before a request that starts a run.
   * @throws LaunchDeadlineExceeded when it is too late to launch the run
   */
  assertBeforeDeadline?(): void;
  /** Requests more memory than usual for the runner type. */
  larger?: boolean;
}

/**
 * Starts, inspects and ends single runs of one type: Glue runs, or local processes. It keeps no state, so any
 * dispatcher can inspect a run that another dispatcher started.
 */
export interface Launcher {
  /**
   * Starts a run.
   * @returns The id that AWS (or the machine) gave it.
   * @throws LaunchDeadlineExceeded when it is too late to launch the run, and CapacityUnavailable when there is no
   * capacity now: nothing was started. After any other error the outcome is unknown until the start deadline.
   */
  start(run: string, runner: RunnerType, options?: LaunchOptions): Promise<string>;
  /** Returns the state of a run. A run whose launch was not recorded is found by its own id. */
  status(run: string, externalId: string | undefined): Promise<RunStatus>;
  /** Ends a run by force. `reap` ends the run's database session. */
  stop(run: string, externalId: string | undefined): Promise<void>;
  /** Ends several runs by force; implemented if that takes fewer calls than one per run. Ignores ended runs. */
  stopAll?(runs: readonly { run: string; externalId: string | undefined }[]): Promise<void>;
  /** Lists active runs of this platform; implemented if runs without a slot are possible. */
  listActive?(): Promise<ActiveRun[]>;
}

/** An active run and its id in AWS. */
export interface ActiveRun {
  run: string;
  externalId: string;
}

/**
 * Launches several instances per request. An instance gets its run from the database when it reports in with its own id
 * and its launch's id (jobs.instance_started). An instance that gets no run ends itself. The launcher keeps no state.
 */
export interface InstanceLauncher {
  /** Parameters of this launcher's requests, stored so that any dispatcher can repeat a request unchanged. */
  readonly request: string;
  /** Targets of requests, in order of preference. */
  readonly targets: readonly string[];
  /** Maximum number of instances per request. */
  readonly limit: number;
  /** Request rate that the account allows. */
  readonly rate: RequestRate;
  /**
   * Sends a request once. Repeated with the same launch, it starts nothing new and returns the same instances.
   * @param assertBeforeDeadline - Called immediately before the request is sent.
   * @throws LaunchDeadlineExceeded when it was not sent; after any other error the outcome is unknown
   */
  launch(launch: Launch, assertBeforeDeadline: () => void): Promise<LaunchResponse>;
  /** Lists the instances of this platform that the account shows. */
  list(): Promise<ListedInstance[]>;
  /** Terminates instances. Missing instances are ignored. */
  terminate(instances: readonly string[]): Promise<void>;
}

/** Outcome of a request for instances. Instances were started only if it is "started". */
export type LaunchResponse =
  | { outcome: "started"; instances: string[] }
  /** These targets have no capacity. */
  | { outcome: "short"; targets: readonly string[]; reason: string }
  /** The account sends too many requests: the same request can succeed later. */
  | { outcome: "throttled"; reason: string }
  /** The account starts instances too fast: a request for fewer can succeed. */
  | { outcome: "tooMany"; reason: string };

/** State of an instance. */
export interface ListedInstance {
  instance: string;
  launch: string;
  /** True if it is terminated or stopped. */
  ended: boolean;
  /** True if it is being terminated, or has been. */
  isTerminating: boolean;
}

/** A launcher of single runs or of several instances per request. */
export type AnyLauncher = Launcher | InstanceLauncher;

export const launchesInstances = (launcher: AnyLauncher): launcher is InstanceLauncher => "targets" in launcher;

/**
 * Thrown when a dispatcher, for example one that was suspended, would launch a run so late that its slot may be given
 * to another run before the run starts.
 */
export class LaunchDeadlineExceeded extends Error {
  override readonly name = "LaunchDeadlineExceeded";
  constructor() {
    super("too much time has passed since the slot was taken");
  }
}

/**
 * Thrown by a Launcher when the account (or machine) has no capacity for another run, for example for Glue's
 * ConcurrentRunsExceededException.
 */
export class CapacityUnavailable extends Error {
  override readonly name = "CapacityUnavailable";
}
