import type { RunnerType } from "../contract/states.ts";

/** What is known of a run from outside the database. */
export type RunStatus = "ALIVE" | "ENDED" | "OUT_OF_MEMORY" | "UNKNOWN";

/** How a run is started, beside who it is. */
export interface LaunchOptions {
  /** To be called immediately before anything that starts a run: throws TooLate where its time is over. */
  assertBeforeDeadline?(): void;
  /** Whether it is to have more memory than the others of its kind. */
  larger?: boolean;
}

/**
 * Starts, looks at and ends runs of one kind: Glue runs, EC2 instances, or processes of this machine. Any dispatcher can
 * ask about a run that another one started: the launcher keeps nothing in memory that it needs for that.
 */
export interface Launcher {
  /**
   * Starts a run; answers what AWS (or the machine) calls it.
   * @throws Refused when there is no room now; any other error leaves the outcome open, and the start deadline decides.
   */
  start(run: string, runner: RunnerType, how?: LaunchOptions): Promise<string>;
  /**
   * Starts several runs, where that takes fewer calls than one for each. Answers for each run what it is called, or the
   * error that `start` would have thrown; throws nothing itself.
   */
  startAll?(runs: readonly string[], runner: RunnerType, how?: LaunchOptions): Promise<LaunchOutcomes>;
  /** What became of a run. A run whose launch was never recorded is found by its own id. */
  status(run: string, externalId: string | undefined): Promise<RunStatus>;
  /** Ends a run by force. Its database session is not this method's matter. */
  stop(run: string, externalId: string | undefined): Promise<void>;
  /** Ends several runs by force, where that takes fewer calls than one for each. Runs that have ended are left alone. */
  stopAll?(runs: readonly { run: string; externalId: string | undefined }[]): Promise<void>;
  /** The runs of this platform that live, as the account shows them: where one may live that no slot is held for. */
  listActive?(): Promise<ActiveRun[]>;
}

/** By run: what it is called outside, or why it was not started. */
export type LaunchOutcomes = ReadonlyMap<string, string | Error>;

/** A run that lives, and what AWS calls it. */
export interface ActiveRun {
  run: string;
  externalId: string;
}

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
