import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { stringify } from "safe-stable-stringify";
import { JobError } from "../../contract/errors.ts";
import type { DispatcherDeps } from "../../dispatcher/deps.ts";
import { RUN_INSTANCES_RATE } from "../../dispatcher/launchers/ec2.ts";
import { syncRejected } from "../../dispatcher/syncRejected.ts";
import { storeRejected } from "../../requests/rejected.ts";
import { takeRequest } from "../../store/awsRequestRates.ts";
import { type ClaimedJob, cancel, drain, heartbeat, recordSession } from "../../store/jobs.ts";
import { closeRunners } from "../../store/runs.ts";
import { mochaGlobalSetup, mochaGlobalTeardown } from "../../testing/cluster.ts";
import { currentKeys, type DatabaseCalls, describeStatement, type Statement } from "./calls.ts";

/**
 * `node runtime/simulation/databaseCalls/record.ts && npm run fix`: records the statements that this version's
 * dispatcher and TypeScript runner send to the job store, and their results. Run it with each release, before the schema
 * changes: calls.test.ts checks later schemas against these statements, since this version still sends them while the
 * next one is deployed.
 */
const FILE = fileURLToPath(new URL("calls.json", import.meta.url));
/** Number of schedules: enough to run every statement that schedules can execute. */
const SCHEDULES = 60;

const recorded = new Map<string, Pick<Statement, "role" | "text">>();
const query = pg.Client.prototype.query as (...all: unknown[]) => unknown;
// Patch the method before the simulation copies it.
pg.Client.prototype.query = function (this: pg.Client, first: unknown, ...rest: unknown[]) {
  const text = typeof first === "string" ? first : ((first as { text?: string }).text ?? "");
  const role = this.user ?? "";
  if (role !== "postgres" && /\bjobs\./.test(text) && !/;/.test(text)) recorded.set(`${role} ${text}`, { role, text });
  return query.call(this, first, ...rest);
} as typeof pg.Client.prototype.query;

/** Stores two rejected requests, and syncs them to a tracking store that refuses the first. */
async function syncRejectedRequests(db: pg.Client): Promise<void> {
  const error = new JobError("UnreadableMessage", { reason: "none" }).body();
  for (const requestId of ["a", "b"])
    await storeRejected(db, { id: requestId, tenant: "default", requestId, channel: "queue", error, body: {} });
  const tracking = { put: async () => [{ index: 0, reason: "refused" }] };
  await syncRejected({ db, tracking, log: console } as unknown as DispatcherDeps);
}

await mochaGlobalSetup();
try {
  const { openHarness } = await import("../harness.ts");
  const { jobDatabase } = await import("../../testing/jobs.ts");
  const harness = await openHarness();
  for (let seed = 1; seed <= SCHEDULES; seed++) await harness.runSchedule(seed);
  await harness.close();
  // Statements that schedules do not execute: they need real time or a user.
  const unknownRun = "00000000-0000-0000-0000-000000000000";
  const job = { id: 0, attempt: 1 } as ClaimedJob;
  const fixture = await jobDatabase();
  const [keeper, dispatcher, api] = await Promise.all(
    (["job_keeper", "dispatcher", "api_reader"] as const).map(fixture.as),
  );
  if (!keeper || !dispatcher || !api) throw new Error("no connections");
  await heartbeat(keeper, unknownRun, job, { rows: 0, bytes: 0 });
  await recordSession(keeper, unknownRun, job, { pid: 0, start: "2021-01-01" });
  await drain(keeper, unknownRun);
  await closeRunners(dispatcher, false);
  await takeRequest(dispatcher, RUN_INSTANCES_RATE);
  await cancel(api, "default", "nothing");
  await syncRejectedRequests(dispatcher);
  await fixture.close();
  const statements = [...recorded.values()].sort((a, b) => (`${a.role} ${a.text}` < `${b.role} ${b.text}` ? -1 : 1));
  const database = await jobDatabase();
  const described: Statement[] = [];
  for (const { role, text } of statements) described.push(await describeStatement(database, role, text));
  const calls: DatabaseCalls = { statements: described, ...(await currentKeys(database)) };
  writeFileSync(FILE, `${stringify(calls, null, 2)}\n`);
  await database.close();
  console.log(`${described.length} statements written to ${FILE}`);
} finally {
  await mochaGlobalTeardown();
}
