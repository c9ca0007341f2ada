import type { SentRequest } from "./requests.ts";

/** Requests and actions of a schedule: the input of checking its promises. */
export interface Observations {
  readonly requests: readonly SentRequest[];
  /** Requests that were accepted, by the queue or with 202. */
  readonly accepted: Set<string>;
  /** Those of them that asked for a reply on the queue. */
  readonly wanted: Set<string>;
  /** Ids that a second task was asked under. */
  readonly conflicts: Set<string>;
  /** Promises that were broken during the schedule. */
  readonly violations: Set<string>;
}
