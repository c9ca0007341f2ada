import assert from "node:assert/strict";
import fc from "fast-check";
import { planStack } from "../config/parse.ts";
import { rawConfig } from "../testing/config.ts";
import { burstOf, headroomOf } from "./headroom.ts";

const stackOf = (raw: unknown) => {
  const { config, plan, problems } = planStack(raw, "dev");
  if (!config) throw new Error(JSON.stringify(problems));
  return { config, plan };
};

describe("headroomOf", () => {
  it("lists the bounds of the database, the quotas and the configuration, the tightest first", () => {
    const { config, plan } = stackOf(rawConfig());
    const { glue, ec2 } = headroomOf(config, plan);
    assert.equal(glue.runs, plan.glue.maxConcurrentRuns);
    assert.match(glue.bounds[0]?.limit ?? "", /^connections: the usable connections of max_connections 450/);
    assert.equal(glue.bounds[0]?.runs, glue.runs);
    assert.match(ec2.bounds[0]?.limit ?? "", /quotas\.ec2Vcpus 5/);
    assert.match(ec2.bounds[0]?.remedy ?? "", /L-1216C47A/);
  });

  it("lists the configured number first if it is the tightest bound", () => {
    const { config, plan } = stackOf(
      rawConfig((base) => ({ ...base, runners: { ...base.runners, glue: { maxRuns: 3 } }, quotas: { glueRuns: 50 } })),
    );
    const { glue } = headroomOf(config, plan);
    assert.deepEqual([glue.bounds[0]?.limit, glue.bounds[0]?.runs], ["runners.glue.maxRuns", 3]);
    assert(glue.bounds.some(({ limit, runs }) => limit.includes("quotas.glueRuns 50") && runs === 50));
  });

  it("lists bounds that allow the planned runs; a plan of the tightest bound fits, and one more run does not", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 5, max: 200 }),
        (maxRuns, maxInstances, ec2Vcpus) => {
          const raw = (glue: object, ec2: object) =>
            rawConfig((base) => ({
              ...base,
              quotas: { ec2Vcpus, glueRuns: 50 },
              runners: { glue, ec2: { ...base.runners.ec2, ...ec2 } },
            }));
          const first = planStack(raw({ maxRuns }, { maxInstances }), "dev");
          if (!first.config) return;
          const { glue, ec2 } = headroomOf(first.config, first.plan);
          for (const { runs, bounds } of [glue, ec2]) for (const bound of bounds) assert(bound.runs >= runs);
          // The first bound is the configured number.
          const maxRunsOf = (bounds: typeof glue.bounds) => Math.min(...bounds.slice(1).map(({ runs }) => runs));
          assert(planStack(raw({ maxRuns: maxRunsOf(glue.bounds) }, { maxInstances }), "dev").config);
          assert(planStack(raw({ maxRuns: maxRunsOf(glue.bounds) + 1 }, { maxInstances }), "dev").problems);
          assert(planStack(raw({ maxRuns }, { maxInstances: maxRunsOf(ec2.bounds) }), "dev").config);
          assert(planStack(raw({ maxRuns }, { maxInstances: maxRunsOf(ec2.bounds) + 1 }), "dev").problems);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("burstOf", () => {
  const stackWith = (readsOnEc2: boolean) =>
    stackOf(
      rawConfig((base) => ({
        ...base,
        quotas: { ec2Vcpus: 64 },
        jobs: { readsOnEc2 },
        runners: { glue: { maxRuns: 8 }, ec2: { ...base.runners.ec2, maxInstances: 4 } },
      })),
    );

  it("divides the jobs into rounds over all available runs", () => {
    const { config, plan } = stackWith(true);
    const [reads, updates] = burstOf(config, plan, 100, 30);
    assert.deepEqual(
      [reads?.atOnce, reads?.byRunner, reads?.rounds, reads?.seconds, reads?.waitSeconds],
      [12, { glue: 8, ec2: 4 }, 9, 270, 240],
    );
    assert.deepEqual([updates?.atOnce, updates?.rounds, updates?.seconds], [4, 25, 750]);
  });

  it("leaves EC2 to updates if reads may not use it, and starts no more runs than jobs", () => {
    const { config, plan } = stackWith(false);
    const [reads] = burstOf(config, plan, 100, 30);
    assert.deepEqual([reads?.atOnce, reads?.byRunner.ec2, reads?.rounds], [8, 0, 13]);
    const [few] = burstOf(config, plan, 2, 30);
    assert.deepEqual([few?.byRunner, few?.rounds, few?.waitSeconds], [{ glue: 2, ec2: 0 }, 1, 0]);
  });

  it("computes the cost from the duration of the jobs, not from the number of simultaneous runs", () => {
    const { config, plan } = stackWith(false);
    const [small] = burstOf(config, plan, 80, 60);
    const [large] = burstOf(config, plan, 160, 60);
    assert(small && large && small.usd > 0);
    assert(Math.abs(large.usd / small.usd - 2) < 1e-9);
    // 80 jobs of one minute each at 0.0625 DPU: 80 / 60 h × 0.0625 × the price of a DPU hour.
    assert(small.usd > 0.02 && small.usd < 0.06, String(small.usd));
  });
});
