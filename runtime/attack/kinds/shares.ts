import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { TENANT_SLOTS } from "../configuration.ts";
import { AVERAGE_RATES, LONG_READ, type Target } from "../target.ts";
import { type Kind, MAIN_THREAD_MS } from "./kind.ts";

/** Long reads of one tenant: more than all slots of both runner types. */
const READS = 12;
/** Maximum wait of another tenant's small read in milliseconds: less than the long reads take. */
const WAIT_MS = 10_000;
const LONG_SECONDS = 40;
/** Number of results that one tenant requests without reading them, and the time that it waits for their headers. */
const UNREAD = 60;
const UNREAD_MS = 3_000;
/** Time without a start after which no further long read is expected to get a slot. Milliseconds. */
const SETTLED_MS = 5_000;

/** Fills the platform with long reads of the attacker, for as long as `use` takes. */
async function whileFull(target: Target, use: () => Promise<void>): Promise<void> {
  const prefix = `long-${Date.now()}`;
  const ids = Array.from({ length: READS }, (_, index) => `${prefix}-${index}`);
  try {
    for (const requestId of ids) {
      const body = { requestId, task: LONG_READ, timeoutSeconds: LONG_SECONDS };
      assert.equal((await target.http("POST", "/jobs", body, target.attacker)).status, 202);
    }
    let seen = { running: 0, since: Date.now() };
    await target.until("all running jobs", async () => {
      const { rows } = await target.admin.query(
        `select (select count(*)::integer from jobs.jobs where request_id like $1 and status = 'IN_PROGRESS') as running,
           (select count(*)::integer from jobs.runs where state = 'STARTING') as starting`,
        [`${prefix}-%`],
      );
      const { running, starting } = rows[0];
      if (running !== seen.running || starting > 0) seen = { running, since: Date.now() };
      return running >= TENANT_SLOTS && Date.now() - seen.since > SETTLED_MS;
    });
    await use();
  } finally {
    for (const requestId of ids) await target.http("POST", `/jobs/${requestId}/cancel`, {}, target.attacker);
    for (const requestId of ids) await target.waitForEnd(requestId, target.attacker);
  }
}

/** One tenant that requests all capacity. */
export const shares: Kind = {
  name: "shares of the platform",
  checks: {
    "runs another tenant's small read while one has filled its slots": (target) =>
      whileFull(target, async () => {
        const requestId = `small-${Date.now()}`;
        const body = { requestId, task: AVERAGE_RATES };
        assert.equal((await target.http("POST", "/jobs", body, target.victim)).status, 202);
        const { status } = await target.waitForEnd(requestId, target.victim, WAIT_MS);
        assert.equal(status, "SUCCEEDED");
      }),
    "serves another tenant's result while one reads none of its own": async (target) => {
      const prefix = `unread-${Date.now()}`;
      const large = (rows: number) => `select repeat('x', 900) as a, g from generate_series(1, ${rows}) g`;
      await target.run(`${prefix}-a`, { type: "read", sql: large(30_000), format: "csv" }, target.attacker);
      await target.run(`${prefix}-v`, { type: "read", sql: large(2_000), format: "csv" }, target.victim);
      const leave = new AbortController();
      const result = (name: string, token: string, signal: AbortSignal) =>
        fetch(`${target.file.api}/jobs/${prefix}-${name}/result?delivery=stream`, {
          headers: { authorization: `Bearer ${token}` },
          signal,
        });
      try {
        const opened = Array.from({ length: UNREAD }, () =>
          result("a", target.attacker, leave.signal).catch(() => undefined),
        );
        await Promise.race([Promise.all(opened), delay(UNREAD_MS)]);
        const answer = await result("v", target.victim, AbortSignal.timeout(WAIT_MS));
        assert.equal(answer.status, 200);
        assert.ok((await answer.text()).length > 1_800_000);
      } finally {
        leave.abort();
      }
    },
    "signs few links of an upload at a time": async (target) => {
      const spent = await target.mainThreadMs(target.api, async () => {
        const answer = await target.http("POST", "/uploads", { fileName: "a.csv", bytes: 19e9 }, target.attacker);
        assert.equal(answer.status, 201, answer.text);
        const { parts } = JSON.parse(answer.text);
        assert.ok(parts.length <= 100, `${parts.length} links`);
      });
      assert.ok(spent <= MAIN_THREAD_MS, `the API took ${spent} ms`);
    },
  },
};
