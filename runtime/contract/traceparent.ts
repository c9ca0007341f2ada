/** Name of the HTTP header and of the message attribute with the caller's trace context. */
export const TRACEPARENT = "traceparent";

/** Version 00 of W3C Trace Context: trace id, id of the caller's span, flags. An id of only zeros is invalid. */
const PATTERN = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const TRACEPARENT_LENGTH = 55;
const SAMPLED_FLAG = 1;

/** A trace context in its parts. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** The caller's span, 16 hexadecimal digits. */
  spanId: string;
  /** True if the caller records the trace. */
  isSampled: boolean;
}

/**
 * Reads a traceparent.
 * @returns undefined for any other value: W3C Trace Context requires receivers to ignore an invalid header
 */
export function traceContext(value: unknown): TraceContext | undefined {
  const [, traceId, spanId, flags] =
    typeof value === "string" && value.length === TRACEPARENT_LENGTH ? (PATTERN.exec(value) ?? []) : [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED_FLAG) === SAMPLED_FLAG };
}

/** Returns a valid traceparent unchanged, and undefined for any other value. */
export const validTraceparent = (value: unknown): string | undefined =>
  traceContext(value) === undefined ? undefined : String(value);

/** Beginning of a response's body with a traceparent (db/functions/jobs/traced_body.sql). */
const BODY_PREFIX = '{"traceparent" : "';

/** Reads the traceparent from a response's body without parsing the JSON. */
export const traceparentOfBody = (body: string): string | undefined =>
  body.startsWith(BODY_PREFIX)
    ? validTraceparent(body.slice(BODY_PREFIX.length, BODY_PREFIX.length + TRACEPARENT_LENGTH))
    : undefined;
