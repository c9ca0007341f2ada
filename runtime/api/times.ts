/**
 * How long a connection waits for its next request. Longer than a load balancer's idle time (infra/api.ts): the balancer
 * has to be the one that closes, or it sends a request into a connection that is being closed, and answers it with 502.
 */
export const KEEP_ALIVE_SECONDS = 75;

/** How long a stream of events is silent at most: a load balancer ends what is silent for its idle time. */
export const SILENT_SECONDS = 15;
