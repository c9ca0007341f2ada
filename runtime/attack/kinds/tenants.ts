import assert from "node:assert/strict";
import { AVERAGE_RATES, type Target } from "../target.ts";
import type { AttackKind } from "./kind.ts";

const HIDDEN = "hidden-job";
/** All paths of a job, with and without the tenant's name. */
const PATHS = ["", "/result", "/response", "/events", "/timeline", "/waiting", "/preview", "/report"].flatMap((end) => [
  `/jobs/${HIDDEN}${end}`,
  `/jobs/${HIDDEN}${end}?tenant=victim`,
]);
/** Rounds over all paths: 1,600 requests. */
const ROUNDS = 100;
/** Number of messages in another tenant's name. */
const MESSAGES = 1_000;

/** Submits the victim's job; further calls find the existing job. */
async function submitHiddenJob(target: Target): Promise<void> {
  const { status } = await target.http("POST", "/jobs", { requestId: HIDDEN, task: AVERAGE_RATES }, target.victim);
  assert.ok(status === 202 || status === 200);
  await target.waitForEnd(HIDDEN, target.victim);
}

/** A tenant that tries to see, change or load another tenant's data. */
export const tenants: AttackKind = {
  name: "tenants",
  checks: {
    "shows a tenant no data of another tenant over HTTP": async (target) => {
      await submitHiddenJob(target);
      for (let round = 0; round < ROUNDS; round++)
        for (const path of PATHS) {
          const { status, text } = await target.http("GET", path, undefined, target.attacker);
          assert.ok(status === 403 || status === 404, `${path}: ${status} ${text.slice(0, 200)}`);
        }
      for (const text of ["hidden", "%", "_", "*", "victim"]) {
        const path = `/jobs?text=${encodeURIComponent(text)}&limit=100`;
        const search = await target.http("GET", path, undefined, target.attacker);
        assert.ok(!search.text.includes(HIDDEN), search.text.slice(0, 300));
      }
    },
    "lets a tenant change no job of another tenant over HTTP": async (target) => {
      await submitHiddenJob(target);
      for (const end of ["cancel", "retry"])
        for (const query of ["", "?tenant=victim"]) {
          const { status } = await target.http("POST", `/jobs/${HIDDEN}/${end}${query}`, {}, target.attacker);
          assert.ok(status === 403 || status === 404, `${end}: ${status}`);
        }
      const submitted = await target.http("POST", "/jobs", { tenant: "victim", task: AVERAGE_RATES }, target.attacker);
      assert.equal(submitted.status, 403, submitted.text);
    },
    "accepts no message for a tenant that its sender may not use": async (target) => {
      await target.receive(target.file.responseQueueUrl);
      await target.receive(target.file.deadLetterQueueUrl);
      const bodies = Array.from({ length: MESSAGES }, (_, index) =>
        JSON.stringify({ requestId: `foreign-${index}`, tenant: "victim", task: AVERAGE_RATES }),
      );
      await target.queueAll(bodies, { asStranger: true });
      let dead = 0;
      await target.until("a dead letter for each", async () => {
        dead += (await target.receive(target.file.deadLetterQueueUrl)).length;
        const { rowCount } = await target.admin.query(
          "select from jobs.jobs where request_id like 'foreign-%' limit 1",
        );
        assert.equal(rowCount, 0, "a foreign message became a job");
        return dead >= MESSAGES;
      });
      assert.deepEqual(await target.receive(target.file.responseQueueUrl), []);
    },
    "allows updates and uploads only with the scope update": async (target) => {
      const token = await target.token("attacker", ["submit", "read"]);
      for (const task of [
        { type: "update", statement: "purge_prices", params: { before: "1900-01-02" } },
        { type: "update", target: "prices", source: { inline: [{}] } },
        { type: "update" },
      ])
        for (const path of ["/jobs", "/explain"])
          assert.equal((await target.http("POST", path, { task }, token)).status, 403);
      assert.equal((await target.http("POST", "/uploads", { fileName: "a", bytes: 1 }, token)).status, 403);
    },
    "loads no upload of another tenant, over HTTP or the queue": async (target) => {
      const location = await target.upload("victim", "secret.csv", "orig_code,dest_code,day,price\n");
      const task = { type: "update", target: "prices", source: { s3: location }, dryRun: true };
      const submitted = await target.http("POST", "/jobs", { task }, target.attacker);
      assert.equal(submitted.status, 400, submitted.text);
      const requestId = `taken-${Date.now()}`;
      await target.receive(target.file.responseQueueUrl);
      await target.queue(JSON.stringify({ requestId, tenant: "attacker", task }));
      const response = await target.until("the response", async () =>
        (await target.receive(target.file.responseQueueUrl)).find((body) => JSON.parse(body).requestId === requestId),
      );
      const { status, error } = JSON.parse(response);
      assert.deepEqual([status, error?.type], ["FAILED", "SourceNotAllowed"]);
    },
  },
  async send(target) {
    for (let round = 0; round < 10; round++)
      for (const path of PATHS) await target.http("GET", path, undefined, target.attacker);
  },
};
