/**
 * Keep-alive timeout. Longer than the load balancer's idle timeout (infra/loadBalancer.ts), so that the balancer closes
 * first: otherwise it sends requests into connections that are being closed, and returns 502.
 */
export const KEEP_ALIVE_SECONDS = 75;

/**
 * Timeouts for receiving a request's headers, and for receiving all of it with its body (at most 1 MiB; a part of an
 * upload 8 MiB).
 */
export const HEADERS_SECONDS = 15;
export const REQUEST_SECONDS = 60;
/** Interval for checking these two timeouts. */
export const CHECK_SECONDS = 2;

/** Timeout of a connection without traffic in either direction, for example if the client reads nothing. */
export const IDLE_SECONDS = 120;

/** Interval of comments on silent event streams: a load balancer closes connections at its idle timeout. */
export const SILENT_SECONDS = 15;
/** Time after which an event stream is closed if its client reads nothing. */
export const STALLED_SECONDS = 30;
/** Interval between polls of watched jobs. */
export const POLL_MS = 250;
