import assert from "node:assert/strict";
import { LIMITS } from "../../infra/limits/limits.ts";
import { measuredSmallJob, smallJobCapacity, USED_SHARE } from "./smallJobs.ts";

describe("small jobs per second", () => {
  const job = { measuredOn: "2026-01-01", backendMs: 2, commits: 3, rowVersions: 6 };

  it("are limited by the share of the processors that jobs may use", () => {
    const { processorLimit, limit } = smallJobCapacity("db.m7g.large", 400, job);
    assert.equal(processorLimit, (2 * 1000 * USED_SHARE) / 2);
    assert.equal(limit, "processor");
  });

  it("are limited by the disk if its operations per second allow fewer commits", () => {
    const { perSecond, limit } = smallJobCapacity("db.r7g.4xlarge", 20, job);
    assert.equal(limit, "disk");
    assert.equal(perSecond, LIMITS.rdsGp3Iops.value / 3);
    assert.equal(smallJobCapacity("db.r7g.4xlarge", 400, job).commitLimit, LIMITS.rdsGp3LargeIops.value / 3);
  });

  it("have a lower rate without CPU credits on burstable classes only", () => {
    assert.equal(smallJobCapacity("db.t4g.medium", 20, job).baselinePerSecond, 0.2 * 700);
    assert.equal(smallJobCapacity("db.m7g.large", 20, job).baselinePerSecond, undefined);
  });

  it("are computed from the measurement that the benchmark recorded", () => {
    const recorded = measuredSmallJob();
    assert(recorded.backendMs > 0);
    assert.deepEqual(smallJobCapacity("db.m7g.large", 400), smallJobCapacity("db.m7g.large", 400, recorded));
  });
});
