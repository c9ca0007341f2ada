import type { State } from "../../contract/states.ts";

/** What the command's exit code says; the help shows this list. */
export const EXITS = {
  done: { code: 0, means: "it worked; a job that was waited for SUCCEEDED" },
  failed: { code: 1, means: "the job FAILED; or a check of `rates doctor` did" },
  invalid: { code: 2, means: "the command or the request is not valid, or there is no such job" },
  cancelled: { code: 3, means: "the job was CANCELLED" },
  unreachable: { code: 4, means: "the platform cannot be reached, or refuses the token" },
  gaveUp: { code: 5, means: "the job did not end within the time given by --wait" },
  internalError: { code: 6, means: "local error, for example a file that cannot be written" },
  interrupted: { code: 130, means: "it was interrupted; a job that was submitted goes on" },
} as const;
export type Exit = keyof typeof EXITS;

/** The exit for a job's state. */
export const exitOf = (status: State | string): Exit =>
  status === "SUCCEEDED" ? "done" : status === "CANCELLED" ? "cancelled" : "failed";

/** An end of the command with a message for people. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: Exit;
  /** What --json prints: a problem of the API, or the message in the same form. */
  readonly data: object;
  /** Whether the same may work in a moment: a server that restarts, a connection that broke. */
  readonly passing: boolean;
  /** Whether what was asked for may have been done all the same: the answer is what is missing. */
  readonly unsettled: boolean;

  constructor(
    exit: Exit,
    message: string,
    { data, passing = false, unsettled = false }: { data?: object; passing?: boolean; unsettled?: boolean } = {},
  ) {
    super(message);
    this.unsettled = unsettled;
    this.exit = exit;
    this.data = data ?? { type: exit, detail: message };
    this.passing = passing;
  }
}

/** The message of an error, with what is behind it: fetch says only "fetch failed" itself. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
