import assert from "node:assert/strict";
import type pg from "pg";
import type { Role } from "./database.ts";
import { jobDatabase } from "./testing.ts";

/** What each role is refused. 42501: not permitted; 25006: read-only transaction. */
const FORBIDDEN: [Role, string, string][] = [
  ["job_reader", "insert into prices values ('A', 'B', '2021-01-01', 1)", "25006"],
  [
    "job_reader",
    "set default_transaction_read_only = off; insert into prices values ('A', 'B', '2021-01-01', 1)",
    "42501",
  ],
  ["job_reader", "set default_transaction_read_only = off; delete from prices", "42501"],
  ["job_reader", "set default_transaction_read_only = off; create temp table t ()", "42501"],
  ["job_reader", "set default_transaction_read_only = off; create table t ()", "42501"],
  ["job_reader", "select * from jobs.jobs", "42501"],
  ["job_reader", "select jobs.accept('[]')", "42501"],
  ["job_reader", "select pg_read_file('postgresql.conf')", "42501"],
  ["api_reader", "delete from prices", "42501"],
  ["api_reader", "select * from jobs.jobs", "42501"],
  ["api_reader", "update jobs.responses set body = ''", "42501"],
  ["api_reader", "select jobs.finish(1, 1, 'SUCCEEDED', null, null, 0, 0, 0)", "42501"],
  ["job_writer", "select * from jobs.jobs", "42501"],
  ["job_writer", "select jobs.claim(gen_random_uuid(), 1, now(), null)", "42501"],
  ["job_writer", "drop table prices", "42501"],
  ["job_writer", "truncate prices", "42501"],
  ["job_keeper", "select * from prices", "42501"],
  ["job_keeper", "select jobs.accept('[]')", "42501"],
  ["job_keeper", "select jobs.end_job(1, 'SUCCEEDED', null, null, 0, 0, 0)", "42501"],
  ["dispatcher", "select * from prices", "42501"],
  ["dispatcher", "select inline from jobs.jobs", "42501"],
  ["dispatcher", "select jobs.claim(gen_random_uuid(), 1, now(), null)", "42501"],
  ["canceller", "select * from prices", "42501"],
  ["canceller", "select jobs.cancel('a', 'b')", "42501"],
];

describe("the roles", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  const clients = new Map<Role, pg.Client>();
  before(async () => {
    fixture = await jobDatabase();
    for (const role of new Set(FORBIDDEN.map(([role]) => role))) clients.set(role, await fixture.as(role));
  });
  after(() => fixture.close());

  for (const [role, sql, code] of FORBIDDEN)
    it(`refuses ${role}: ${sql}`, async () => {
      const client = clients.get(role);
      assert(client);
      const statements = sql.split("; ");
      for (const setting of statements.slice(0, -1)) await client.query(setting);
      await assert.rejects(client.query(statements.at(-1) ?? ""), { code });
    });

  it("lets the canceller see and end another role's session", async () => {
    const reader = await fixture.as("job_reader");
    const { rows } = await reader.query("select pg_backend_pid() as pid");
    const canceller = await fixture.as("canceller");
    const seen = await canceller.query("select state from pg_stat_activity where pid = $1", [rows[0].pid]);
    assert.equal(seen.rows[0].state, "idle");
    const ended = new Promise((resolve) => reader.once("end", resolve));
    await canceller.query("select pg_terminate_backend($1)", [rows[0].pid]);
    await ended;
  });
});
