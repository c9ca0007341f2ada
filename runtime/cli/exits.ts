import type { State } from "../jobs/states.ts";

/** What the command's exit code says; the help shows this list. */
export const EXITS = {
  done: { code: 0, means: "it worked; a job that was waited for SUCCEEDED" },
  failed: { code: 1, means: "the job FAILED" },
  invalid: { code: 2, means: "the command or the request is not valid, or there is no such job" },
  cancelled: { code: 3, means: "the job was CANCELLED" },
  unreachable: { code: 4, means: "the platform cannot be reached, or refuses the token" },
  gaveUp: { code: 5, means: "the job did not end within the time given by --wait" },
} as const;
export type Exit = keyof typeof EXITS;

/** The exit for a job's state. */
export const exitOf = (status: State | string): Exit =>
  status === "SUCCEEDED" ? "done" : status === "CANCELLED" ? "cancelled" : "failed";

/** An end of the command with a message for people. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: Exit;
  /** What --json prints instead of the message. */
  readonly data: unknown;

  constructor(exit: Exit, message: string, data?: unknown) {
    super(message);
    this.exit = exit;
    this.data = data;
  }
}
