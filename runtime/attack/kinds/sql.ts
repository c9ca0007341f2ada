import assert from "node:assert/strict";
import { REFUSED } from "../../testing/sql/refused.ts";
import { SQL } from "../cases.ts";
import type { Target } from "../target.ts";
import { type AttackKind, assertCheapRefusal, assertRefused, checkEach, MAX_RESPONSE_BYTES } from "./kind.ts";

const explain = (target: Target, sql: string, token = target.attacker) =>
  target.http("POST", "/explain", { task: { type: "read", sql, format: "csv" } }, token);

/** A statement that the checker allows and whose planning exceeds the time limit. */
const SLOW_PLAN = `select ${Array.from({ length: 300 }, (_, n) => `'x' ~ '(a{1,90}${n}){1,90}'`).join(" or ")} as x`;

/** A statement that takes long to check, and the number of copies that one tenant sends at once. */
const SLOW_CHECK = `select ${"1+".repeat(15_000)}1`;
const FLOOD = 40;

/** SQL that exceeds its caller's privileges. */
export const sql: AttackKind = {
  name: "SQL",
  checks: {
    ...checkEach(
      Object.fromEntries(SQL.map((text) => [text.slice(0, 60), text])),
      (name) => `refuses over HTTP: ${name}`,
      async (target, text) => {
        for (const path of ["/explain", "/jobs"])
          await assertCheapRefusal(
            target,
            () => target.http("POST", path, { task: { type: "read", sql: text, format: "csv" } }, target.attacker),
            path,
          );
      },
    ),
    "refuses over HTTP every statement of the checker's own tests": async (target) => {
      for (const { statements } of Object.values(REFUSED))
        for (const text of statements) assertRefused(await explain(target, text), text.slice(0, 100));
    },
    "limits a tenant's use of the planner": async (target) => {
      const token = await target.token("planner");
      const responses = await Promise.all(Array.from({ length: 12 }, () => explain(target, SLOW_PLAN, token)));
      const statuses = responses.map(({ status }) => status);
      assert.ok(statuses.filter((status) => status === 503).length >= 8, `${statuses}`);
      assert.equal((await explain(target, "select count(*) from ports", target.victim)).status, 200);
      const job = { task: { type: "read", sql: "select 1 as one", format: "csv" } };
      assert.equal((await target.http("POST", "/jobs", job, token)).status, 202);
    },
    "checks SQL of tenants in turn": async (target) => {
      const token = await target.token("checker");
      let checked = 0;
      const flood = Array.from({ length: FLOOD }, async () => {
        await explain(target, SLOW_CHECK, token);
        checked += 1;
      });
      await target.until("the first of the flood", async () => checked > 0);
      const before = checked;
      const { status, text } = await explain(target, "select count(*) as n from ports", target.victim);
      const during = checked - before;
      assert.equal(status, 200, text);
      assert.ok(during <= FLOOD / 4, `${during} statements of the attacker were checked first`);
      await Promise.all(flood);
    },
    "refuses every statement over the queue, each with a response": async (target) => {
      await target.receive(target.file.responseQueueUrl);
      for (const [index, text] of SQL.entries())
        await target.queue(JSON.stringify({ requestId: `sql-${index}`, task: { type: "read", sql: text } }));
      const statuses = new Map<string, string>();
      await target.until("a response to each", async () => {
        for (const body of await target.receive(target.file.responseQueueUrl)) {
          const { requestId, status } = JSON.parse(body);
          assert.ok(Buffer.byteLength(body) <= MAX_RESPONSE_BYTES);
          statuses.set(requestId, status);
        }
        return SQL.every((_, index) => statuses.has(`sql-${index}`));
      });
      assert.deepEqual(
        SQL.filter((_, index) => statuses.get(`sql-${index}`) !== "FAILED"),
        [],
      );
      assert.equal((await target.admin.query("select from jobs.jobs where request_id like 'sql-%'")).rowCount, 0);
    },
  },
  async send(target) {
    for (const text of SQL) await explain(target, text);
  },
};
