import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { connectionOptions, type Role } from "../platform/postgres.ts";
import { jobDatabase } from "../testing/jobs.ts";

/** Statements that a role may not run, with the error code. 42501: not permitted; 25006: read-only transaction. */
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
  ["api_reader", "update jobs.answers set body = ''", "42501"],
  ["api_reader", "select jobs.finish(1, 1, 'SUCCEEDED', null, null, 0, 0, 0)", "42501"],
  ["job_writer", "select * from jobs.jobs", "42501"],
  ["job_writer", "select jobs.claim(gen_random_uuid(), 1, now(), null, '{}', '{}', '{}')", "42501"],
  ["job_writer", "drop table prices", "42501"],
  ["job_writer", "truncate prices", "42501"],
  ["job_keeper", "select * from prices", "42501"],
  ["job_keeper", "select jobs.accept('[]')", "42501"],
  ["job_keeper", "select jobs.end_job(1, 'SUCCEEDED', null, null, 0, 0, 0)", "42501"],
  ["dispatcher", "select * from prices", "42501"],
  ["dispatcher", "select inline from jobs.jobs", "42501"],
  ["dispatcher", "select jobs.claim(gen_random_uuid(), 1, now(), null, '{}', '{}', '{}')", "42501"],
  ["canceller", "select * from prices", "42501"],
  ["canceller", "select jobs.cancel('a', 'b')", "42501"],
];

describe("the database", () => {
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

  it("lets canceller see and end sessions of other roles", async () => {
    const reader = await fixture.as("job_reader");
    const { rows } = await reader.query("select pg_backend_pid() as pid");
    const canceller = await fixture.as("canceller");
    const session = await canceller.query("select state from pg_stat_activity where pid = $1", [rows[0].pid]);
    assert.equal(session.rows[0].state, "idle");
    const ended = new Promise((resolve) => reader.once("end", resolve));
    await canceller.query("select pg_terminate_backend($1)", [rows[0].pid]);
    await ended;
  });

  it("checks every ten seconds during a statement of a run whether its client is still connected", async () => {
    for (const role of ["job_reader", "job_writer"] as const) {
      const { rows } = await (await fixture.as(role)).query("show client_connection_check_interval");
      assert.equal(rows[0].client_connection_check_interval, "10s", role);
    }
  });
});

describe("a connection of a role", () => {
  const env = {
    DATABASE_HOST: "db.example.com",
    DATABASE_PORT: "5433",
    DATABASE_AUTH: "iam",
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "AKIATEST",
    AWS_SECRET_ACCESS_KEY: "test",
  };

  it("logs in with its own token, for the role and host of the connection", async () => {
    const before = { ...process.env };
    Object.assign(process.env, env);
    try {
      const { password } = connectionOptions("job_reader");
      assert.equal(typeof password, "function", "called for each connection, since a token is valid for 15 minutes");
      const token = new URL(`https://${await (password as () => Promise<string>)()}`);
      assert.equal(token.host, "db.example.com:5433");
      assert.deepEqual(
        ["Action", "DBUser", "X-Amz-Expires"].map((name) => token.searchParams.get(name)),
        ["connect", "job_reader", "900"],
      );
    } finally {
      for (const name of Object.keys(env)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  it("verifies the server's certificate for its host, and uses TCP keep-alive", () => {
    const folder = mkdtempSync(join(tmpdir(), "rates-ca-"));
    try {
      const file = join(folder, "ca.pem");
      writeFileSync(file, "the authorities");
      const { ssl, keepAlive, keepAliveInitialDelayMillis } = connectionOptions("dispatcher", {
        ...env,
        DATABASE_CA: file,
      });
      assert.deepEqual(ssl, { ca: "the authorities", servername: "db.example.com" });
      assert.deepEqual([keepAlive, keepAliveInitialDelayMillis], [true, 10_000]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
