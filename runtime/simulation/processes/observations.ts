import type { SentRequest } from "./requests.ts";

/** Requests and observations of a schedule: the input of checking its guarantees. */
export interface Observations {
  readonly requests: readonly SentRequest[];
  /** Accepted requests, by the queue or with 202. */
  readonly accepted: Set<string>;
  /** Accepted requests that want a reply on the queue. */
  readonly withReply: Set<string>;
  /** Ids that a second request reused for another task. */
  readonly conflicts: Set<string>;
  /** Guarantees that were violated during the schedule. */
  readonly violations: Set<string>;
}
