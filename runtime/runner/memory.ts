import { totalmem } from "node:os";

/** The most memory this process has had, in bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;

/** The memory that this process may have, in bytes: the machine's, or what its container is limited to. */
export const availableMemory = (): number => {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};

/** Bytes that stream through between two collections. */
const BYTES_PER_COLLECTION = 2 * 1024 * 1024;

/**
 * Collects young objects while a stream flows. Each chunk has memory of its own outside of V8's heap, which V8 frees only
 * when its heap fills: a stream leaves next to nothing there, and would keep 60 MB of dead chunks until then. A collection
 * takes less than a millisecond. Needs `node --expose-gc`, with which runners are started; does nothing without it.
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
