import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { migrate } from "../../../db/migrate.ts";
import { ProcessHarness } from "./harness.ts";

const DB = fileURLToPath(new URL("../../../db", import.meta.url));
/** Number of requests after the deployment. */
const AFTERWARDS = 10;
/** Milliseconds between two requests. */
const PACE_MS = 100;
const WAIT_TIMEOUT_MS = 120_000;

/**
 * Schema changes of a possible next version: new columns in three tables, one of them with a default, and a new function.
 */
const NEXT = `
set local role migrator;
alter table jobs.jobs add column next_note text, add column next_count integer not null default 0;
alter table jobs.runs add column next_note text;
alter table jobs.answers add column next_note text;
create function jobs.next() returns integer language sql immutable as 'select 1';
reset role;
`;

describe("a deployment under load", () => {
  let harness: ProcessHarness;
  let directory: string;
  before(async function () {
    this.timeout(WAIT_TIMEOUT_MS);
    harness = await ProcessHarness.open({ idleSeconds: 5 });
    directory = mkdtempSync(join(tmpdir(), "rates-next-"));
    for (const folder of ["migrations", "functions", "views"])
      cpSync(join(DB, folder), join(directory, folder), { recursive: true });
    writeFileSync(join(directory, "migrations", "9999_next.sql"), NEXT);
  });
  after(async () => {
    await harness.close();
    rmSync(directory, { recursive: true });
  });

  const query = async (text: string) => (await harness.server.tryQuery(text)) ?? [];

  it("loses nothing: running jobs end on their version, and the next version executes the rest", async function () {
    this.timeout(2 * WAIT_TIMEOUT_MS);
    const task = (index: number) =>
      index % 2 === 0
        ? {
            type: "read",
            sql: "select n from generate_series(1, 3) n, (select count(*) from (select generate_series(1, 4000000)) s) busy",
            format: "json",
          }
        : {
            type: "update",
            target: "prices",
            source: { inline: [{ orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price: index }] },
          };
    const statuses = new Set<number | undefined>();
    let count = 0;
    let end = Number.POSITIVE_INFINITY;
    const load = async () => {
      for (; count < end; count++) {
        const index = count;
        const request = { requestId: `deploy-${index}`, task: task(index) };
        if (index % 3 === 0) statuses.add(await harness.call("/jobs", { ...request, reply: "queue" }));
        else await harness.send(request);
        await delay(PACE_MS);
      }
    };
    const loading = load();
    const isBusy = async () => (await query("select run_id from jobs.jobs where status = 'IN_PROGRESS'")).length > 0;
    while (!(await isBusy())) await delay(20);

    // In the order of `pulumi up`: the schema first, while the previous version keeps running; then the code.
    assert.deepEqual((await migrate({ url: harness.server.url }, undefined, directory)).applied, ["9999_next"]);
    while (!(await isBusy())) await delay(20);
    const before = await harness.deploy("second");
    await Promise.all(before.map((process) => process.retire()));
    const remainingRuns = await query("select id from jobs.runs where version = 'first' and state <> 'ENDED'");
    end = count + AFTERWARDS;
    await loading;
    const ids = Array.from({ length: count }, (_, index) => `deploy-${index}`);
    for (const limit = Date.now() + WAIT_TIMEOUT_MS; Date.now() < limit; await delay(100))
      if (ids.every((id) => harness.responses.some(({ requestId }) => requestId === id))) break;

    assert.deepEqual([...statuses], [202], "the API accepted every request");
    const jobs = await query(
      `select j.request_id, j.status, j.attempt, r.version from jobs.jobs j
       left join jobs.runs r on r.id = (j.attempts -> -1 ->> 'runId')::uuid order by j.id`,
    );
    assert.equal(jobs.length, count);
    assert.deepEqual(
      jobs.filter(({ status, attempt }) => status !== "SUCCEEDED" || attempt !== 1),
      [],
      "every job ended with its first attempt, on the version that began it",
    );
    assert.deepEqual(new Set(jobs.map(({ version }) => version)), new Set(["first", "second"]));
    assert.deepEqual(remainingRuns, [], "the runs of the previous version have ended");
    for (const id of ids) {
      const bodies = new Set(harness.responses.filter(({ requestId }) => requestId === id).map(({ body }) => body));
      assert.equal(bodies.size, 1, id);
    }
    const prices = (await query("select price from prices order by price")).map(({ price }) => price);
    assert.deepEqual(
      prices,
      ids.flatMap((_, index) => (index % 2 === 0 ? [] : [index])),
    );
  });
});
