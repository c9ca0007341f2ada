import { openHarness } from "./harness.ts";

/** What a worker tells of a schedule that it has played. */
export interface Played {
  readonly seed: number;
  readonly broken: readonly string[];
  /** Only where a promise was broken. */
  readonly history: readonly string[];
}

const harness = await openHarness();
process.on("message", async (seed: number) => {
  try {
    const { broken, history } = await harness.play(seed);
    process.send?.({ seed, broken, history: broken.length > 0 ? history : [] } satisfies Played);
  } catch (error) {
    // The harness itself failed: whoever waits for this schedule sees the process end.
    console.error(error);
    process.exit(1);
  }
});
process.on("disconnect", async () => {
  await harness.close();
  process.exit();
});
process.send?.("ready");
