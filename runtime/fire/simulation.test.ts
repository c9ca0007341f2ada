import assert from "node:assert/strict";
import { openStage, type Stage } from "./stage.ts";

/** FIRE_COUNT plays more of them. */
const COUNT = Number(process.env.FIRE_COUNT ?? 50);

describe("the promises of the protocol, under any schedule", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage.close());
  it(`are kept in ${COUNT} schedules`, async function () {
    this.timeout(600_000);
    for (let seed = 1; seed <= COUNT; seed++) {
      const { broken, history } = await stage.play(seed);
      assert.deepEqual(broken, [], `seed ${seed}:\n${history.join("\n")}`);
    }
  });
});
