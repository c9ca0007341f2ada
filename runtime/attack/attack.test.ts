import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { skip } from "../testing/cluster.ts";
import { ATTACK_KINDS } from "./kinds/index.ts";
import { type AttackKind, MAX_RESPONSE_BYTES } from "./kinds/kind.ts";
import { COMPONENTS, type Component } from "./processes.ts";
import { RATES, Target } from "./target.ts";

/** Number of GET /rates requests per measurement. */
const REQUESTS = 2_000;
/** Maximum 99th percentile of the latency under attack: MAX_SLOWDOWN times that without attack, but at least ACCEPTABLE_MS. */
const MAX_SLOWDOWN = 2;
const ACCEPTABLE_MS = 50;
/**
 * Maximum measurements per kind of attack. The test stops at the first measurement within the limit: other programs
 * slow some measurements, a successful attack slows all.
 */
const MAX_MEASUREMENTS = 3;
/** True for `npm run attack`, which runs alone on the machine. Only then are latencies compared with the limit. */
const IS_ALONE = process.env.RATES_ATTACK_ALONE === "1";
/**
 * Maximum growth of each component's memory under load, in bytes. The baseline is measured after the checks of all kinds
 * of attack.
 */
const MAX_GROWTH_BYTES: Record<Component, number> = { api: 150e6, dispatcher: 100e6, runners: 150e6, database: 150e6 };

/** Attacks the platform through each entry point, and checks that callers cannot read, stop or stall others' work. */
describe("the platform under attack", function () {
  this.timeout(240_000);
  let target: Target;
  before(async function () {
    if (!existsSync("/proc/self/task")) skip(this, "this system has no /proc to measure processes in");
    target = await Target.start();
    // Warm up: the platform loads some modules on first use.
    for (let request = 0; request < 200; request++) await target.http("GET", RATES);
    await target.http("POST", "/explain", { task: { type: "read", sql: "select 1" } }, target.attacker);
  });
  after(() => target?.stop());
  afterEach(function () {
    for (const { name, isAlive } of target.processes)
      assert.ok(isAlive(), `the ${name} ended in: ${this.currentTest?.title}`);
  });

  for (const { name, checks } of ATTACK_KINDS)
    describe(name, () => {
      for (const [title, check] of Object.entries(checks)) it(title, () => check(target));
    });

  describe("during repeated attacks", () => {
    const memory: { name: string; bytes: Record<Component, number> }[] = [];
    before(async () => {
      memory.push({ name: "after one round", bytes: target.memory() });
    });
    /** Measures the latency of /rates while an attack's input is sent repeatedly. */
    const latencyUnderLoad = async (send: NonNullable<AttackKind["send"]>) => {
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

    for (const { name, send } of ATTACK_KINDS) {
      if (send === undefined) continue;
      const title = `responds to GET /rates ${IS_ALONE ? "in time " : ""}under ${name}`;
      it(title, async function () {
        const measured: string[] = [];
        let isWithin = false;
        while (!isWithin && measured.length < (IS_ALONE ? MAX_MEASUREMENTS : 1)) {
          const { p99 } = await latencyUnderLoad(send);
          const quiet = await target.latency(REQUESTS);
          isWithin = p99 <= Math.max(MAX_SLOWDOWN * quiet.p99, ACCEPTABLE_MS);
          measured.push(`p99 ${p99.toFixed(1)} ms, ${quiet.p99.toFixed(1)} ms without`);
        }
        memory.push({ name, bytes: target.memory() });
        if (this.test) this.test.title = `${title}: ${measured.join("; ")}`;
        if (IS_ALONE) assert.ok(isWithin, `of ${REQUESTS} requests ${measured.join("; ")}`);
      });
    }

    it("limits the memory growth of each component", () => {
      const [first, ...later] = memory;
      assert.ok(first !== undefined && later.length > 0);
      for (const component of COMPONENTS)
        for (const { name, bytes } of later) {
          const growth = bytes[component] - first.bytes[component];
          assert.ok(
            growth < MAX_GROWTH_BYTES[component],
            `${component}: ${Math.round(growth / 1e6)} MB more under ${name}`,
          );
        }
    });

    it("limits the size of every unsuccessful response", async () => {
      const { rows } = await target.admin.query(
        "select max(octet_length(body)) as longest from jobs.responses where status <> 'SUCCEEDED'",
      );
      assert.ok(Number(rows[0].longest) <= MAX_RESPONSE_BYTES, `a response of ${rows[0].longest} bytes`);
    });
  });
});
