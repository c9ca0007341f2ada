/**
 * How long a connection waits for its next request. Longer than a load balancer's idle time (infra/api.ts): the balancer
 * must be the one that closes, or it sends a request into a connection that is being closed, and answers it with 502.
 */
export const KEEP_ALIVE_SECONDS = 75;

/** How long a request may take to arrive: its headers, and all of it with its body (1 MiB at most). */
export const HEADERS_SECONDS = 15;
export const REQUEST_SECONDS = 60;
/** How often connections are looked at for both. */
export const CHECK_SECONDS = 2;

/** How long a connection may be without any byte in either direction: a reader that takes nothing is disconnected. */
export const IDLE_SECONDS = 120;

/** How long an event stream is silent at most: a load balancer ends what is silent for its idle time. */
export const SILENT_SECONDS = 15;
/** How long the reader of an event stream may take nothing before it is disconnected. */
export const STALLED_SECONDS = 30;
/** Between two looks at the jobs that are watched. Milliseconds. */
export const LOOK_MS = 250;
