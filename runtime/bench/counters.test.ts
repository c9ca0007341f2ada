import assert from "node:assert/strict";
import { type Counters, countersPerJob, total } from "./counters.ts";

const counters = (times: number): Counters => ({
  commits: 1 + 20 * times,
  writes: 10 * times,
  rowVersions: { "jobs.jobs": 5 + 30 * times, "jobs.runs": 10 * times, "public.prices": 7 },
  deletes: 10 * times,
  processor: { runner: 100 + 15 * times },
});

describe("countersPerJob", () => {
  it("returns the differences per job, without counters that have not changed", () => {
    assert.deepEqual(countersPerJob(counters(1), counters(2), 10), {
      commits: 2,
      writes: 1,
      rowVersions: { "jobs.jobs": 3, "jobs.runs": 1 },
      deletes: 1,
      processor: { runner: 1.5 },
    });
  });

  it("counts from zero for a process that started between the readings", () => {
    const after = { ...counters(2), processor: { dispatcher: 20, runner: 115 } };
    assert.deepEqual(countersPerJob(counters(1), after, 10).processor, { dispatcher: 2 });
    assert.equal(total({ dispatcher: 2, runner: 0.5 }), 2.5);
  });
});
