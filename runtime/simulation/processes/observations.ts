import type { SentRequest } from "./requests.ts";

/** Requests and observations of a schedule, from which its guarantees are verified. */
export interface Observations {
  readonly requests: readonly SentRequest[];
  /** Ids of the requests that the queue accepted, or the API with 202. */
  readonly accepted: Set<string>;
  /** Ids of the accepted requests that ask for a reply on the queue. */
  readonly withReply: Set<string>;
  /** Ids that a second request reused for another task. */
  readonly conflicts: Set<string>;
  /** Guarantees that were violated during the schedule. */
  readonly violations: Set<string>;
}
