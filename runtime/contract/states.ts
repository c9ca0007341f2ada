/** The states of a job. */
export const STATES = ["PENDING", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"] as const;
/** A state of a job. */
export type State = (typeof STATES)[number];

/**
 * Statuses of documents in the tracking store: the states of a job, and `REJECTED` for a request that created no job.
 */
export const DOCUMENT_STATES = [...STATES, "REJECTED"] as const;
/** A status of a document. */
export type DocumentState = (typeof DOCUMENT_STATES)[number];

/** Final states. */
export const TERMINAL = ["SUCCEEDED", "FAILED", "CANCELLED"] as const satisfies readonly State[];
/** A final state of a job. */
export type TerminalState = (typeof TERMINAL)[number];

/** A change of a job's state. */
export interface Transition {
  /** Undefined for a new job. */
  readonly from: State | undefined;
  /** New state. */
  readonly to: State;
  /** Cause of the change, as diagrams show it. */
  readonly cause: string;
}

/** All changes of a job's state; a test compares them with what the SQL functions of the job store do. */
export const TRANSITIONS: readonly Transition[] = [
  { from: undefined, to: "PENDING", cause: "request accepted" },
  { from: "PENDING", to: "IN_PROGRESS", cause: "claimed by a run" },
  { from: "PENDING", to: "CANCELLED", cause: "cancelled while waiting" },
  { from: "IN_PROGRESS", to: "SUCCEEDED", cause: "work committed" },
  { from: "IN_PROGRESS", to: "FAILED", cause: "permanent error, timeout, or no attempts left" },
  { from: "IN_PROGRESS", to: "CANCELLED", cause: "cancelled, and no longer runs in the database" },
  { from: "IN_PROGRESS", to: "PENDING", cause: "run lost or retryable error, attempts left" },
];

/** Returns true for a final state. */
export const isTerminal = (state: string): state is TerminalState => (TERMINAL as readonly string[]).includes(state);

/** Runner types: AWS Glue Python shell runs, and EC2 instances that are started when needed. */
export const RUNNERS = ["glue", "ec2"] as const;
/** A runner type. */
export type RunnerType = (typeof RUNNERS)[number];

/** Display names of runner types: of the service, and of one run. */
export const RUNNER_NAMES = {
  glue: { service: "Glue", run: "Glue run" },
  ec2: { service: "EC2", run: "EC2 run" },
} as const satisfies Record<RunnerType, { service: string; run: string }>;
