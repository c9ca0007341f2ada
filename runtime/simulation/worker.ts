import { openHarness } from "./harness.ts";

/** Report of a worker about a finished schedule. */
export interface PlayedSchedule {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Set only if a guarantee was violated. */
  readonly history: readonly string[];
}

const harness = await openHarness();
process.on("message", async (seed: number) => {
  try {
    const { violations: broken, history } = await harness.play(seed);
    process.send?.({ seed, violations: broken, history: broken.length > 0 ? history : [] } satisfies PlayedSchedule);
  } catch (error) {
    // The harness itself failed: its parent sees the process end.
    console.error(error);
    process.exit(1);
  }
});
process.on("disconnect", async () => {
  await harness.close();
  process.exit();
});
process.send?.("ready");
