import { openHarness } from "./harness.ts";

/** Result of a schedule. */
export interface ScheduleResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Actions in order; may be empty if no guarantee was violated. */
  readonly history: readonly string[];
}

const harness = await openHarness();
process.on("message", async (seed: number) => {
  try {
    const { violations, history } = await harness.runSchedule(seed);
    process.send?.({ seed, violations, history: violations.length > 0 ? history : [] } satisfies ScheduleResult);
  } catch (error) {
    // The harness itself failed. The parent process sees this one end.
    console.error(error);
    process.exit(1);
  }
});
process.on("disconnect", async () => {
  await harness.close();
  process.exit();
});
process.send?.("ready");
