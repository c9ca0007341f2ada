import { totalmem } from "node:os";

/** Peak memory of this process. Bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;

/** Memory that this process may use: the machine's, or its container's limit. Bytes. */
export const availableMemory = (): number => {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};

/** Bytes streamed between two garbage collections. */
const BYTES_PER_COLLECTION = 2 * 1024 * 1024;

/**
 * Collects young objects while a stream flows. The memory of a chunk is outside of V8's heap, and V8 frees it only when
 * that heap fills. A stream adds almost nothing to the heap, so up to 60 MB of dead chunks would accumulate. A
 * collection takes less than a millisecond. Needs `node --expose-gc`, with which runners are started; without it, does
 * nothing.
 */
export class MinorGcTrigger {
  #bytes = 0;

  /** Counts a chunk that has streamed through. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < BYTES_PER_COLLECTION) return;
    this.#bytes = 0;
    globalThis.gc?.({ type: "minor", execution: "sync" });
  }
}
