import { totalmem } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The most memory this process has had, in bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;

/** The memory that this process may have, in bytes: the machine's, or what its container is limited to. */
export const memoryOfRun = (): number => {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};

/** How much may stream through before what it left behind is looked for. */
const TIDY_BYTES = 2 * 1024 * 1024;

/** A collection of young objects takes under a millisecond; there is no other way to ask for one in a running process. */
const collect = (() => {
  let gc: ((options: { type: "minor"; execution: "sync" }) => void) | undefined;
  return () => {
    if (!gc) {
      setFlagsFromString("--expose-gc");
      gc = runInNewContext("gc") as NonNullable<typeof gc>;
    }
    gc({ type: "minor", execution: "sync" });
  };
})();

/**
 * Keeps a stream to the memory of what is under way. Each chunk has memory of its own outside of V8's heap, which frees
 * it when its heap fills: a stream leaves next to nothing in the heap, and has 60 MB of dead chunks by then.
 */
export class Tidy {
  #bytes = 0;

  /** Told of each chunk as it comes. */
  passed(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < TIDY_BYTES) return;
    this.#bytes = 0;
    collect();
  }
}
