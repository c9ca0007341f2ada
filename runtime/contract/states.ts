/** The states of a job. Terminal ones are final. */
export const STATES = ["PENDING", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"] as const;
export type State = (typeof STATES)[number];

/** Statuses of documents in the tracking store: those of jobs, and that of a request which was rejected and made none. */
export const DOCUMENT_STATES = [...STATES, "REJECTED"] as const;
export type DocumentState = (typeof DOCUMENT_STATES)[number];

export const TERMINAL = ["SUCCEEDED", "FAILED", "CANCELLED"] as const satisfies readonly State[];
export type TerminalState = (typeof TERMINAL)[number];

export const isTerminal = (state: string): state is TerminalState => (TERMINAL as readonly string[]).includes(state);

/** Runner types: AWS Glue Python shell runs, and EC2 instances on demand. */
export const RUNNERS = ["glue", "ec2"] as const;
export type RunnerType = (typeof RUNNERS)[number];

/** Display names of runner types: of the service, and of one run. */
export const RUNNER_NAMES = {
  glue: { service: "Glue", run: "Glue run" },
  ec2: { service: "EC2", run: "EC2 runner" },
} as const satisfies Record<RunnerType, { service: string; run: string }>;
