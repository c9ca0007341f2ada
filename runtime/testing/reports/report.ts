import type { ErrorCode } from "../../contract/errors.ts";
import type { Target } from "../../contract/request.ts";

/** Reproduction of a reported bug on the platform, with the expected outcome. */
export type Trial =
  /** SQL that is accepted over HTTP; the text of its result is the same from both runners. */
  | { sql: string; format: "csv" | "ndjson" | "json"; result: string }
  /** SQL that is refused when it is submitted. */
  | { sql: string; refused: RegExp }
  /** A file that is loaded: rows of the target, bad rows (`line column value reason`), or an error of the whole file. */
  | ({ target: Target; content: string | readonly Buffer[]; format?: "ndjson"; gzip?: true } & (
      | { rows: readonly (readonly (string | number | null)[])[] }
      | { faults: readonly string[] }
      | { refused: ErrorCode; message: RegExp }
    ))
  /** A GET request over HTTP. */
  | { url: string; headers?: Record<string, string>; status: number; body?: RegExp }
  /** The body of POST /jobs. */
  | { submit: string; status: number; body: RegExp }
  /** Body of an invalid message, and the reason of its dead letter. */
  | { message: string; deadLetter: RegExp }
  /** An error that a driver throws. */
  | { error: Error; task?: "read" | "update"; type: ErrorCode; message: RegExp }
  /** A test that reproduces the whole sequence of events. */
  | { test: string };

/** A public bug report of another program, reproduced on the platform. */
export interface Report {
  /** Address of the report: an issue or a pull request on GitHub. */
  url: string;
  /** Reported behaviour. */
  reported: string;
  /** Behaviour of the platform. */
  behaviour: string;
  /** `fixed`: the platform had the bug, or part of it. */
  verdict: "right" | "fixed";
  trial: Trial;
}
