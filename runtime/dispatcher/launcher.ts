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
 * Starts, inspects and ends runs of one type one by one: Glue runs, or local processes. It keeps no state, so any
 * dispatcher can inspect a run that another one started.
 */
export interface Launcher {
  /**
   * Starts a run.
   * @returns The id that AWS (or the machine) gave it.
   * @throws CapacityUnavailable when there is no capacity now; after any other error the outcome is unknown until the
   * start deadline
   */
  start(run: string, runner: RunnerType, options?: LaunchOptions): Promise<string>;
  /** Returns the state of a run. A run whose launch was not recorded is found by its own id. */
  status(run: string, externalId: string | undefined): Promise<RunStatus>;
  /** Ends a run by force. Its database session is ended elsewhere. */
  stop(run: string, externalId: string | undefined): Promise<void>;
  /** Ends several runs by force, if that takes fewer calls than one each. Ended runs are ignored. */
  stopAll?(runs: readonly { run: string; externalId: string | undefined }[]): Promise<void>;
  /** Lists active runs of this platform, if there can be runs without a slot. */
  listActive?(): Promise<ActiveRun[]>;
}

/** An active run and its id in AWS. */
export interface ActiveRun {
  run: string;
  externalId: string;
}

/**
 * Launches several instances per request. An instance gets its run from the database when it reports in with its own id
 * and that of its launch (jobs.instance_started); one without a run ends itself. Keeps no state.
 */
export interface InstanceLauncher {
  /** Parameters of all its requests, for a dispatcher that repeats one. */
  readonly request: string;
  /** Targets for requests, the preferred first. */
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
  launch(launch: Launch, assertBeforeDeadline: () => void): Promise<LaunchAnswer>;
  /** Lists the instances of this platform that the account shows. */
  list(): Promise<ListedInstance[]>;
  /** Terminates instances. Missing ones are ignored. */
  terminate(instances: readonly string[]): Promise<void>;
}

/** Outcome of a request for instances. Only "started" has started any. */
export type LaunchAnswer =
  | { outcome: "started"; instances: string[] }
  /** These targets have no capacity. */
  | { outcome: "short"; targets: readonly string[]; reason: string }
  /** Too many requests of the account: the same one can succeed later. */
  | { outcome: "throttled"; reason: string }
  /** The account starts instances too fast: a request for fewer can succeed. */
  | { outcome: "tooMany"; reason: string };

/** State of an instance. */
export interface ListedInstance {
  instance: string;
  launch: string;
  /** True if it is terminated or stopped. */
  ended: boolean;
  /** True if it is terminated or terminating. */
  terminated: boolean;
}

/** Launchers by runner type. */
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
 * Thrown when the account (or machine) has no capacity for another run: ConcurrentRunsExceeded,
 * InsufficientInstanceCapacity, …
 */
export class CapacityUnavailable extends Error {
  override readonly name = "CapacityUnavailable";
}
