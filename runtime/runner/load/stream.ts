import { addAbortSignal, type Readable } from "node:stream";
import { JobError } from "../../contract/errors.ts";

/** Milliseconds to wait for a source's response headers, and for the next bytes of its body. */
export const STALL_TIMEOUT_MS = 30_000;
/** Minimum rate of a source over the time spent waiting for it, required once that time exceeds the stall timeout. */
const MIN_BYTES_PER_SECOND = 1_000;

/** Limits of a body from the network. */
export interface ReceiveOptions {
  /** The source as errors name it, without query. */
  source: string;
  /** Maximum number of bytes received, before decompression. */
  maxBytes: number;
  signal: AbortSignal;
  /** Number of bytes that the server announced, if it did. */
  length?: number;
  /** Milliseconds. @default STALL_TIMEOUT_MS */
  stallTimeoutMs?: number;
}

/**
 * Reads a body from the network. Aborts it if it pauses too long, is too slow (only time spent waiting for it counts,
 * not for a slow database) or too large, when the job ends, and when the reader stops.
 * @throws JobError SourceUnreachable, SourceTooLarge
 */
export function receiveStream(body: Readable, options: ReceiveOptions): AsyncIterable<Buffer> {
  // The signal takes effect from now on, not only when the first byte is read.
  addAbortSignal(options.signal, body);
  body.on("error", () => undefined);
  return chunksOf(body, options);
}

async function* chunksOf(
  body: Readable,
  { source, maxBytes, length, stallTimeoutMs = STALL_TIMEOUT_MS }: ReceiveOptions,
): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let bytes = 0;
  let waitedMs = 0;
  try {
    for (;;) {
      const requestedAt = performance.now();
      const timer = setTimeout(() => body.destroy(new Error(`no data for ${stallTimeoutMs / 1000} s`)), stallTimeoutMs);
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done) {
        if (length === undefined || bytes === length) return;
        throw new Error(`it ended after ${bytes} of its ${length} bytes; it may have changed while it was read`);
      }
      waitedMs += performance.now() - requestedAt;
      bytes += next.value.length;
      if (waitedMs > stallTimeoutMs && bytes < (waitedMs / 1000) * MIN_BYTES_PER_SECOND)
        throw new Error(`it sent ${bytes} bytes in ${Math.ceil(waitedMs / 1000)} s, which is too slow`);
      if (length !== undefined && bytes > length)
        throw new Error(
          `it has more than the ${length} bytes that it began with; it may have changed while it was read`,
        );
      if (bytes > maxBytes) throw new JobError("SourceTooLarge", { source, limit: maxBytes });
      yield next.value;
    }
  } catch (error) {
    throw unreachable(
      source,
      isTruncated(error) ? new Error(truncatedMessage(bytes, length), { cause: error }) : error,
    );
  } finally {
    body.destroy();
  }
}

/** Node's error for a connection that ended within a body, which says only "aborted". */
const isTruncated = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code === "ECONNRESET";

const truncatedMessage = (bytes: number, length: number | undefined) =>
  `the connection was cut off after ${bytes} bytes${length === undefined ? "" : ` of ${length}`}`;

/** Converts a network error to SourceUnreachable. A JobError, and the AbortError of an ended job, stay unchanged. */
export function unreachable(source: string, error: unknown): unknown {
  if (error instanceof JobError || !(error instanceof Error) || error.name === "AbortError") return error;
  return new JobError("SourceUnreachable", { source, reason: error.message }, { cause: error });
}
