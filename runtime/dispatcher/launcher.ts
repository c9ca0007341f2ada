import type { RunnerType } from "../contract/states.ts";
import type { Launch } from "../store/launches.ts";
import type { RequestRate } from "../store/requestRates.ts";

/** Data about a run from outside the database. */
export type RunStatus = "ALIVE" | "ENDED" | "OUT_OF_MEMORY" | "UNKNOWN";

/** Launch parameters of a run beside its identity. */
export interface LaunchOptions {
  /** To be called immediately before anything that starts a run: throws TooLate where its time is over. */
  assertBeforeDeadline?(): void;
  /** Requests more memory than the runs of its type usually have. */
  larger?: boolean;
}

/**
 * Starts, looks at and ends runs of one kind, one by one: Glue runs, or processes of this machine. Any dispatcher can
 * ask about a run that another one started: the launcher keeps nothing in memory that it needs for that.
 */
export interface Launcher {
  /**
   * Starts a run; answers what AWS (or the machine) calls it.
   * @throws Refused when there is no room now; any other error leaves the outcome open, and the start deadline decides.
   */
  start(run: string, runner: RunnerType, how?: LaunchOptions): Promise<string>;
  /** What became of a run. A run whose launch was never recorded is found by its own id. */
  status(run: string, externalId: string | undefined): Promise<RunStatus>;
  /** Ends a run by force. Its database session is not this method's matter. */
  stop(run: string, externalId: string | undefined): Promise<void>;
  /** Ends several runs by force, where that takes fewer calls than one for each. Runs that have ended are left alone. */
  stopAll?(runs: readonly { run: string; externalId: string | undefined }[]): Promise<void>;
  /** The runs of this platform that live, as the account shows them: where one may live that no slot is held for. */
  listActive?(): Promise<ActiveRun[]>;
}

/** A run that lives, and what AWS calls it. */
export interface ActiveRun {
  run: string;
  externalId: string;
}

/**
 * Launches instances, several by one request. An instance gets its run from the database when it reports in, with the id
 * of its launch and its own (jobs.instance_started); one that gets none ends itself. It keeps nothing in memory, either.
 */
export interface InstanceLauncher {
  /** Parameters of all its requests, for a dispatcher that repeats one. */
  readonly request: string;
  /** Where it can request instances, the preferred first. */
  readonly targets: readonly string[];
  /** The most instances of one request. */
  readonly limit: number;
  /** How often the account may send such requests. */
  readonly rate: RequestRate;
  /**
   * Sends a request once. Repeated with the same launch it starts nothing new, and answers the same instances.
   * @param assertBeforeDeadline called immediately before the request leaves: throws LaunchDeadlineExceeded where its time is over
   * @throws LaunchDeadlineExceeded when it was not sent; any other error leaves the outcome open
   */
  launch(launch: Launch, assertBeforeDeadline: () => void): Promise<LaunchAnswer>;
  /** All instances of this platform that the account shows. */
  list(): Promise<ListedInstance[]>;
  /** Terminates instances. Those that are not there any more are left alone. */
  terminate(instances: readonly string[]): Promise<void>;
}

/** What became of a request for instances. Only "started" has started any. */
export type LaunchAnswer =
  | { outcome: "started"; instances: string[] }
  /** These targets have no room. */
  | { outcome: "short"; targets: readonly string[]; reason: string }
  /** The account sends too many requests: the same one may succeed later. */
  | { outcome: "throttled"; reason: string }
  /** The account starts instances too fast: a request for fewer may succeed. */
  | { outcome: "tooMany"; reason: string };

/** An instance as the account shows it. */
export interface ListedInstance {
  instance: string;
  launch: string;
  /** Whether it does no work any more. */
  ended: boolean;
  /** Whether it is gone, or about to go. */
  terminated: boolean;
}

/** Where runs of a type live. */
export type AnyLauncher = Launcher | InstanceLauncher;

export const launchesInstances = (launcher: AnyLauncher): launcher is InstanceLauncher => "targets" in launcher;

/**
 * A dispatcher that was paused meant to start a run so late that its slot may soon be another's: it must not any more,
 * for the two would be at once. The slot is freed at the start deadline, as that of a launch that came to nothing.
 */
export class LaunchDeadlineExceeded extends Error {
  override readonly name = "LaunchDeadlineExceeded";
  constructor() {
    super("too much time has passed since the slot was taken");
  }
}

/** The account (or the machine) has no room for another run now: ConcurrentRunsExceeded, InsufficientInstanceCapacity, … */
export class CapacityUnavailable extends Error {
  override readonly name = "CapacityUnavailable";
}
