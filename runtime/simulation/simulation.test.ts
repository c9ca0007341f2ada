import assert from "node:assert/strict";
import { runWorkers } from "./workers.ts";

/**
 * SIMULATION_COUNT sets the number of schedules; .ci/run uses the number that the design requires
 * (runtime/tools/test.ts).
 */
const COUNT = Number(process.env.SIMULATION_COUNT ?? 100);
/** Far more than one schedule takes on a busy machine. */
const SCHEDULE_MS = 1_000;

describe("the guarantees of the protocol, under any schedule", () => {
  it(`are kept in ${COUNT} schedules`, async function () {
    this.timeout(60_000 + COUNT * SCHEDULE_MS);
    let played = 0;
    const broken: string[] = [];
    await runWorkers({ seed: 1, count: COUNT, workers: 2 }, (one) => {
      played++;
      if (one.violations.length > 0)
        broken.push(`seed ${one.seed}: ${one.violations.join("; ")}\n${one.history.join("\n")}`);
    });
    assert.deepEqual(broken, []);
    assert.equal(played, COUNT);
  });
});
