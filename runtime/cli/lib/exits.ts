import type { State } from "../../contract/states.ts";

/** Exit codes and their meanings; the help shows this list. */
export const EXITS = {
  done: { code: 0, meaning: "success; if the command waited for a job, it SUCCEEDED" },
  failed: {
    code: 1,
    meaning: "the job FAILED, jobs of a filter could not be changed, or a check of `rates doctor` failed",
  },
  invalid: { code: 2, meaning: "invalid command or request, or unknown job" },
  cancelled: { code: 3, meaning: "the job was CANCELLED" },
  unreachable: { code: 4, meaning: "the platform is unreachable or refuses the token" },
  waitTimedOut: { code: 5, meaning: "the job did not end within --wait" },
  internalError: { code: 6, meaning: "local error, for example a file that cannot be written" },
  interrupted: { code: 130, meaning: "interrupted; a submitted job keeps running" },
} as const;
export type Exit = keyof typeof EXITS;

/** Returns the exit for a job's state. */
export const exitOf = (status: State | string): Exit =>
  status === "SUCCEEDED" ? "done" : status === "CANCELLED" ? "cancelled" : "failed";

/** Error that ends the command with an exit code and a message. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: Exit;
  /** Output of --json: the API's error response, or the message in the same form. */
  readonly data: object;
  /** True for a transient error, for example a server that restarts or a broken connection. */
  readonly isTransient: boolean;
  /** True if the request may have taken effect although its response is missing. */
  readonly mayHaveTakenEffect: boolean;

  constructor(
    exit: Exit,
    message: string,
    {
      data,
      isTransient = false,
      mayHaveTakenEffect = false,
    }: { data?: object; isTransient?: boolean; mayHaveTakenEffect?: boolean } = {},
  ) {
    super(message);
    this.mayHaveTakenEffect = mayHaveTakenEffect;
    this.exit = exit;
    this.data = data ?? { type: exit, detail: message };
    this.isTransient = isTransient;
  }
}
