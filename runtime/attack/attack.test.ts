import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { skip } from "../testing/cluster.ts";
import { KINDS } from "./kinds/index.ts";
import { type Kind, MAX_RESPONSE_BYTES } from "./kinds/kind.ts";
import { PARTS, type Part } from "./processes.ts";
import { RATES, Target } from "./target.ts";

/** Requests of GET /rates that are measured per kind. */
const REQUESTS = 2_000;
/** The 99th percentile of /rates under attack may be this many times the quiet one, or this many milliseconds. */
const TIMES_QUIET = 2;
const QUIET_ENOUGH_MS = 50;
/** Measurements of a kind until one is within the limit: other programs of this machine disturb them, the attacker always does. */
const MEASUREMENTS = 3;
/**
 * True for `npm run attack`, when nothing else runs on this machine: only then are latencies compared with the limit.
 */
const IS_ALONE = process.env.RATES_ATTACK_ALONE === "1";
/** Maximum additional memory of a component in bytes under load of all kinds, after each kind was tried once. */
const MAX_GROWTH: Record<Part, number> = { api: 150e6, dispatcher: 100e6, runners: 150e6, database: 150e6 };

/** The whole platform, attacked through each of its entry points: callers cannot read, stop or stall others' work. */
describe("the platform under attack", function () {
  this.timeout(240_000);
  let target: Target;
  before(async function () {
    if (!existsSync("/proc/self/task")) skip(this, "this system has no /proc to measure processes in");
    target = await Target.start();
    // A first round warms what is loaded lazily.
    for (let turn = 0; turn < 200; turn++) await target.http("GET", RATES);
    await target.http("POST", "/explain", { task: { type: "read", sql: "select 1" } }, target.attacker);
  });
  after(() => target?.stop());
  afterEach(function () {
    for (const one of target.shared) assert.ok(one.isAlive(), `the ${one.name} ended in: ${this.currentTest?.title}`);
  });

  for (const { name, checks } of KINDS)
    describe(name, () => {
      for (const [title, check] of Object.entries(checks)) it(title, () => check(target));
    });

  describe("what others notice", () => {
    const memory: { name: string; bytes: Record<Part, number> }[] = [];
    before(async () => {
      memory.push({ name: "after one round", bytes: target.memory() });
    });
    /** The latency of /rates while a kind's input is sent again and again. */
    const underLoad = async (send: NonNullable<Kind["send"]>) => {
      let isMeasured = false;
      const attack = (async () => {
        while (!isMeasured) await send(target);
      })();
      try {
        return await target.latency(REQUESTS);
      } finally {
        isMeasured = true;
        await attack;
      }
    };

    for (const { name, send } of KINDS) {
      if (send === undefined) continue;
      const title = `answers GET /rates in time under ${name}`;
      it(title, async function () {
        const measured: string[] = [];
        let isWithin = false;
        while (!isWithin && measured.length < (IS_ALONE ? MEASUREMENTS : 1)) {
          const { p99 } = await underLoad(send);
          const quiet = await target.latency(REQUESTS);
          isWithin = p99 <= Math.max(TIMES_QUIET * quiet.p99, QUIET_ENOUGH_MS);
          measured.push(`p99 ${p99.toFixed(1)} ms, ${quiet.p99.toFixed(1)} ms without`);
        }
        memory.push({ name, bytes: target.memory() });
        if (this.test) this.test.title = `${title}: ${measured.join("; ")}`;
        if (IS_ALONE) assert.ok(isWithin, `of ${REQUESTS} requests ${measured.join("; ")}`);
      });
    }

    it("keeps the memory of each part flat", () => {
      const [first, ...later] = memory;
      assert.ok(first !== undefined && later.length > 0);
      for (const part of PARTS)
        for (const { name, bytes } of later) {
          const grown = bytes[part] - first.bytes[part];
          assert.ok(grown < MAX_GROWTH[part], `${part}: ${Math.round(grown / 1e6)} MB more under ${name}`);
        }
    });

    it("keeps every response within its limit", async () => {
      const { rows } = await target.admin.query(
        "select max(octet_length(body)) as most from jobs.responses where status <> 'SUCCEEDED'",
      );
      assert.ok(Number(rows[0].most) <= MAX_RESPONSE_BYTES, `a response of ${rows[0].most} bytes`);
    });
  });
});
