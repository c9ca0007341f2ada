import type { SentRequest } from "./requests.ts";

/** What a schedule asked, and what it did: what its promises are measured by. */
export interface Observations {
  readonly requests: readonly SentRequest[];
  /** Requests that were accepted, by the queue or with 202. */
  readonly accepted: Set<string>;
  /** Those of them that asked for a reply on the queue. */
  readonly wanted: Set<string>;
  /** Ids that a second task was asked under. */
  readonly conflicts: Set<string>;
  /** Promises that were seen broken while it went on. */
  readonly violations: Set<string>;
}
