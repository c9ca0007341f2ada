import assert from "node:assert/strict";
import { runWorkers } from "./workers.ts";

/** Number of schedules. CI also runs more of them before its tests (runtime/tools/test.ts). */
const COUNT = Number(process.env.SIMULATION_COUNT ?? 100);
/** Time per schedule: far more than a schedule takes, even on a busy machine. */
const SCHEDULE_MS = 1_000;

describe("the guarantees of the job protocol under faults", () => {
  it(`hold in ${COUNT} schedules`, async function () {
    this.timeout(60_000 + COUNT * SCHEDULE_MS);
    let count = 0;
    const broken: string[] = [];
    await runWorkers({ seed: 1, count: COUNT, workers: 2 }, (result) => {
      count++;
      if (result.violations.length > 0)
        broken.push(`seed ${result.seed}: ${result.violations.join("; ")}\n${result.history.join("\n")}`);
    });
    assert.deepEqual(broken, []);
    assert.equal(count, COUNT);
  });
});
