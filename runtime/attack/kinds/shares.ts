import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { TENANT_SLOTS } from "../configuration.ts";
import { AVERAGE_RATES, LONG_READ, type Target } from "../target.ts";
import type { AttackKind } from "./kind.ts";

/** Number of long reads of one tenant: more than the slots that it can get. */
const LONG_READS = 12;
/** Maximum wait for another tenant's small read or result, in milliseconds: less than the long reads take. */
const WAIT_MS = 10_000;
const LONG_READ_SECONDS = 40;
/** Number of results that one tenant requests without reading them, and the maximum wait for their headers. */
const UNREAD_RESULTS = 60;
const HEADERS_WAIT_MS = 3_000;
/** Maximum number of upload links in a response. The API signs each of them, which takes processor time. */
const UPLOAD_LINKS = 100;
/** Milliseconds without a change after which no further long read is expected to get a slot. */
const SETTLED_MS = 5_000;

/** Fills the attacker's slots with long reads while `use` runs. */
async function whileFull(target: Target, use: () => Promise<void>): Promise<void> {
  const prefix = `long-${Date.now()}`;
  const ids = Array.from({ length: LONG_READS }, (_, index) => `${prefix}-${index}`);
  try {
    for (const requestId of ids) {
      const body = { requestId, task: LONG_READ, timeoutSeconds: LONG_READ_SECONDS };
      assert.equal((await target.http("POST", "/jobs", body, target.attacker)).status, 202);
    }
    let lastChange = { running: 0, since: Date.now() };
    await target.until("the start of all long reads that get a slot", async () => {
      const { rows } = await target.admin.query(
        `select (select count(*)::integer from jobs.jobs where request_id like $1 and status = 'IN_PROGRESS') as running,
           (select count(*)::integer from jobs.runs where state = 'STARTING') as starting`,
        [`${prefix}-%`],
      );
      const { running, starting } = rows[0];
      if (running !== lastChange.running || starting > 0) lastChange = { running, since: Date.now() };
      return running >= TENANT_SLOTS && Date.now() - lastChange.since > SETTLED_MS;
    });
    await use();
  } finally {
    for (const requestId of ids) await target.http("POST", `/jobs/${requestId}/cancel`, {}, target.attacker);
    for (const requestId of ids) await target.waitForEnd(requestId, target.attacker);
  }
}

/** A tenant that requests more than its share of slots, result streams and upload links. */
export const shares: AttackKind = {
  name: "shares of the platform",
  checks: {
    "runs a tenant's small read while another tenant fills its own slots": (target) =>
      whileFull(target, async () => {
        const requestId = `small-${Date.now()}`;
        const body = { requestId, task: AVERAGE_RATES };
        assert.equal((await target.http("POST", "/jobs", body, target.victim)).status, 202);
        const { status } = await target.waitForEnd(requestId, target.victim, WAIT_MS);
        assert.equal(status, "SUCCEEDED");
      }),
    "serves a tenant's result while another leaves its results unread": async (target) => {
      const prefix = `unread-${Date.now()}`;
      const large = (rows: number) => `select repeat('x', 900) as a, g from generate_series(1, ${rows}) g`;
      await target.run(`${prefix}-a`, { type: "read", sql: large(30_000), format: "csv" }, target.attacker);
      await target.run(`${prefix}-v`, { type: "read", sql: large(2_000), format: "csv" }, target.victim);
      const controller = new AbortController();
      const result = (name: string, token: string, signal: AbortSignal) =>
        fetch(`${target.file.api}/jobs/${prefix}-${name}/result?delivery=stream`, {
          headers: { authorization: `Bearer ${token}` },
          signal,
        });
      try {
        const opened = Array.from({ length: UNREAD_RESULTS }, () =>
          result("a", target.attacker, controller.signal).catch(() => undefined),
        );
        await Promise.race([Promise.all(opened), delay(HEADERS_WAIT_MS)]);
        const response = await result("v", target.victim, AbortSignal.timeout(WAIT_MS));
        assert.equal(response.status, 200);
        assert.ok((await response.text()).length > 1_800_000);
      } finally {
        controller.abort();
      }
    },
    "signs a limited number of upload links at a time": async (target) => {
      const response = await target.http("POST", "/uploads", { fileName: "a.csv", bytes: 19e9 }, target.attacker);
      assert.equal(response.status, 201, response.text);
      const { parts } = JSON.parse(response.text);
      assert.equal(parts.length, UPLOAD_LINKS, `${parts.length} links`);
    },
  },
};
