import assert from "node:assert/strict";
import { readSettings } from "../platform/settings.ts";
import type { PlatformStatus } from "./activity.ts";
import { BOTTLENECKS, type BottleneckInput, bottleneckOf, LEVELS, THRESHOLDS } from "./bottleneck.ts";
import { PLATFORM_METRICS, RUNNER_METRICS } from "./metrics.ts";

const zeros = <K extends string>(keys: Record<K, unknown>) =>
  Object.fromEntries(Object.keys(keys).map((key) => [key, 0])) as Record<K, number>;

type Change = {
  glue?: Partial<PlatformStatus["glue"]>;
  ec2?: Partial<PlatformStatus["ec2"]>;
  platform?: Partial<PlatformStatus["platform"]>;
  database?: Partial<PlatformStatus["database"]>;
  paused?: PlatformStatus["paused"];
  working?: PlatformStatus["working"];
  results?: Partial<BottleneckInput["results"]>;
  requests?: number;
  slots?: { glue?: number; ec2?: number };
  inlineBytes?: number;
};

/** An idle platform with capacity for two Glue runs and one EC2 run, with the given changes. */
function situation({ glue, ec2, platform, database, paused, working, results, requests, slots, inlineBytes }: Change) {
  const settings = readSettings({
    RATES_SETTINGS: JSON.stringify({
      runners: { glue: { slots: slots?.glue ?? 2 }, ec2: { slots: slots?.ec2 ?? 1 } },
      jobs: inlineBytes === undefined ? {} : { inlineBytes },
    }),
  });
  const runner = zeros(RUNNER_METRICS);
  const platformStatus: PlatformStatus = {
    glue: { ...runner, ...glue },
    ec2: { ...runner, ...ec2 },
    platform: { ...zeros(PLATFORM_METRICS), ...platform },
    database: { connections: 10, maxConnections: 100, ...database },
    paused: paused ?? {},
    working: working ?? {},
  };
  return { status: platformStatus, settings, results: { byPointer: 0, nearlyInline: 0, ...results }, requests };
}
const verdict = (change: Change) => bottleneckOf(situation(change));

const WAITING = { waiting: 40, oldestWaiting: 180 };
const FULL = { ...WAITING, running: 2, succeeded: 1 };

describe("the verdict on the bottleneck", () => {
  it("reports a limit of this machine with its remedy, and no configuration key to raise", () => {
    const local = situation({ glue: FULL });
    local.settings.runners.glue.limitedBy = "this machine runs at most 4 runner processes per core";
    local.settings.runners.glue.limitRemedy = "restart with more";
    const { raise, sentence } = bottleneckOf(local);
    assert.equal(raise, undefined);
    assert.match(
      sentence,
      /^All 2 Glue runs are busy;.*: this machine runs at most 4 runner processes per core; restart with more\.$/,
    );
    const briefly = situation({ glue: { ...FULL, oldestWaiting: 5 } });
    briefly.settings.runners.glue = local.settings.runners.glue;
    assert.match(bottleneckOf(briefly).sentence, /per core; if this continues, restart with more\.$/);
  });

  const cases: Record<string, { change: Change; level: string; name: string; raise?: string; expected: RegExp }> = {
    "nothing waits": {
      change: {},
      level: "clear",
      name: "nothing",
      expected: /^Nothing waits: 0 of 2 Glue and 0 of 1 EC2/,
    },
    "all runs are busy and jobs wait long": {
      change: { glue: FULL },
      level: "bound",
      name: "capacity",
      raise: "runners.glue.maxRuns",
      expected: /^All 2 Glue runs are busy; 40 jobs wait, the oldest for 3 min: raise runners\.glue\.maxRuns\.$/,
    },
    "a burst has just begun": {
      change: { ec2: { waiting: 1, oldestWaiting: 2, running: 1 }, working: { ec2: 1 } },
      level: "busy",
      name: "capacity",
      raise: "runners.ec2.maxInstances",
      expected: /^The one EC2 run is busy; 1 job waits, the oldest for 2 s: if this continues/,
    },
    "more runs would get no connection": {
      change: { glue: FULL, database: { connections: 95 } },
      level: "bound",
      name: "connections",
      raise: "database.instanceClass",
      expected: /95 of the database's 100 connections/,
    },
    "started runs get no connection": {
      change: { glue: { waiting: 9, oldestWaiting: 900, running: 1 }, database: { connections: 95 } },
      level: "bound",
      name: "connections",
      raise: "database.instanceClass",
      expected: /95 of the database's 100 connections/,
    },
    "runs fail to start": {
      change: { glue: { ...WAITING, running: 1, refused: 3 } },
      level: "bound",
      name: "starts",
      raise: "quotas.glueRuns",
      expected: /^Glue runs fail to start; 40 jobs wait, .*the dispatcher's log; if AWS refuses more Glue runs, raise/,
    },
    "a runner type is in back-off": {
      change: { ec2: WAITING, paused: { ec2: "2026-01-01T00:00:00.000Z" } },
      level: "bound",
      name: "starts",
      raise: "quotas.ec2Vcpus",
      expected: /^EC2 runs fail to start;/,
    },
    "a runner type is closed": {
      change: { glue: WAITING, paused: { glue: "closed" } },
      level: "stuck",
      name: "starts",
      expected: /^Glue is closed to new runs because a destroy of the stack began; 40 jobs wait/,
    },
    "the stack has no runs of this type": {
      change: { glue: WAITING, slots: { glue: 0 } },
      level: "stuck",
      name: "capacity",
      raise: "runners.glue.maxRuns",
      expected: /this stack has no Glue runs/,
    },
    "runs are starting": {
      change: { glue: { waiting: 1, oldestWaiting: 20 } },
      level: "busy",
      name: "starts",
      expected: /^0 of 2 Glue runs are busy; 1 job waits, the oldest for 20 s: more are starting\.$/,
    },
    "runs have started and claimed no job yet": {
      change: { glue: { waiting: 9, oldestWaiting: 5, running: 2 } },
      level: "busy",
      name: "starts",
      expected: /more are starting/,
    },
    "runs have started and never claim a job": {
      change: { glue: { waiting: 9, oldestWaiting: 900, running: 2 } },
      level: "stuck",
      name: "starts",
      expected: /^Only 0 of 2 Glue runs are busy/,
    },
    "runs do not start": {
      change: { glue: { waiting: 3, oldestWaiting: 900, running: 1 }, working: { glue: 1 } },
      level: "stuck",
      name: "starts",
      expected: /^Only 1 of 2 Glue runs is busy although 3 jobs wait, the oldest for 15 min/,
    },
    "requests wait on the queue": {
      change: { requests: 5_000 },
      level: "bound",
      name: "requests",
      expected: /^5,000 requests wait on the queue/,
    },
    "attempts run out of memory": {
      change: { glue: { outOfMemory: 1 } },
      level: "bound",
      name: "memory",
      raise: "runners.glue.dpu",
      expected: /^1 attempt ran out of a Glue run's memory .*raise runners\.glue\.dpu\.$/,
    },
    "runs are lost": {
      change: { ec2: { lost: 2 } },
      level: "bound",
      name: "runs",
      expected: /^2 EC2 runs were lost/,
    },
    "sessions wait for locks": {
      change: { platform: { lockWaits: 2, oldestLockWait: 30 } },
      level: "bound",
      name: "locks",
      expected: /^2 database sessions wait for a lock/,
    },
    "responses are not sent": {
      change: { platform: { unsentResponses: 9, oldestUnsent: 7_300 } },
      level: "bound",
      name: "responses",
      expected: /^9 responses could not be sent, the oldest for 2 h/,
    },
    "results are only just too large": {
      change: { results: { byPointer: 4_000, nearlyInline: 3_000 } },
      level: "busy",
      name: "payload",
      raise: "jobs.inlineBytes",
      expected: /^3,000 of 4,000 results .* larger than the 200 kB/,
    },
    "search is behind": {
      change: { platform: { documentsBehind: 7, oldestBehind: 90 } },
      level: "busy",
      name: "search",
      expected: /^Search is behind by 7 documents/,
    },
  };
  for (const [when, { change, level, name, raise, expected }] of Object.entries(cases))
    it(`names ${name} when ${when}`, () => {
      const result = verdict(change);
      assert.match(result.sentence, expected);
      assert.deepEqual([result.level, result.name, result.raise], [level, name, raise]);
    });

  it("has a test case for every bottleneck and every level", () => {
    const valuesOf = (key: "name" | "level") => [...new Set(Object.values(cases).map((value) => value[key]))].sort();
    assert.deepEqual(valuesOf("name"), [...BOTTLENECKS].sort());
    assert.deepEqual(valuesOf("level"), [...LEVELS].sort());
  });

  it("is one line that ends with a single period in every case", () => {
    for (const { change } of Object.values(cases)) assert.match(verdict(change).sentence, /^[^\n]+[^.]\.$/);
  });

  it("prefers the worst problem, and among equally bad ones the first on a job's path", () => {
    assert.equal(verdict({ glue: { ...FULL, outOfMemory: 1 } }).name, "capacity");
    assert.equal(verdict({ glue: FULL, requests: 500 }).name, "requests");
    assert.equal(verdict({ glue: FULL, ec2: WAITING, paused: { ec2: "closed" } }).level, "stuck");
    assert.equal(verdict({ platform: { oldestBehind: 90 }, ec2: { outOfMemory: 2 } }).name, "memory");
  });

  it("prefers the runner type whose jobs have waited longer", () => {
    const both = (glue: number, ec2: number) =>
      verdict({ glue: { ...FULL, oldestWaiting: glue }, ec2: { ...FULL, running: 1, oldestWaiting: ec2 } }).raise;
    assert.equal(both(900, 100), "runners.glue.maxRuns");
    assert.equal(both(100, 900), "runners.ec2.maxInstances");
  });

  it("reports no bottleneck below its thresholds, or if inlineBytes has its maximum", () => {
    const { requestsWaiting, connectionShare, lockSeconds, unsentSeconds, behindSeconds, pointers } = THRESHOLDS;
    const belowThresholds: Change[] = [
      { requests: requestsWaiting - 1 },
      { database: { connections: 100 * connectionShare - 1, maxConnections: 100 } },
      { platform: { lockWaits: 1, oldestLockWait: lockSeconds - 1 } },
      { platform: { oldestUnsent: unsentSeconds - 1 } },
      { platform: { oldestBehind: behindSeconds - 1 } },
      { results: { byPointer: pointers - 1, nearlyInline: pointers - 1 } },
      { results: { byPointer: 40, nearlyInline: 19 } },
      { results: { byPointer: 40, nearlyInline: 40 }, inlineBytes: 900_000 },
    ];
    for (const change of belowThresholds) assert.equal(verdict(change).level, "clear", JSON.stringify(change));
  });
});
