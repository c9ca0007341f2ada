import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type Postgres, startPostgres } from "../runtime/local/postgres.ts";
import { ROLES, readerRole } from "../runtime/platform/postgres.ts";
import { migrate, migrateRoles } from "./migrate.ts";
import { letRolesLogIn, slotRoles } from "./roles.ts";
import { catalogOf, migratedDatabase } from "./testing/database.ts";

/** Attributes of RDS's master: no superuser, ADMIN of the roles that RDS creates. */
const RDS = `
  create role rds_superuser nologin;
  create role rds_iam nologin;
  create role master login password 'master' nosuperuser createrole createdb;
  grant rds_superuser to master;
  grant rds_iam to master with admin option, inherit false, set false;
  grant pg_monitor, pg_signal_backend to rds_superuser with admin option`;

describe("roles created by a master without superuser privileges (as on RDS)", () => {
  let directory: string;
  let postgres: Postgres;
  let admin: pg.Client;
  let master: string;
  before(async function () {
    this.timeout(60_000);
    directory = mkdtempSync(join(tmpdir(), "rates-roles-"));
    postgres = await startPostgres({
      directory: join(directory, "data"),
      logFile: join(directory, "log"),
      durable: false,
      maxConnections: 40,
    });
    admin = new pg.Client(postgres.url("postgres"));
    await admin.connect();
    await admin.query(RDS);
    await admin.query("create database rates owner master");
    const url = new URL(postgres.url("rates"));
    Object.assign(url, { username: "master", password: "master" });
    master = url.href;
  });
  after(async () => {
    await Promise.all([admin, ...clients].map((client) => client.end()));
    await postgres.stop();
    rmSync(directory, { recursive: true });
  });

  const connectAs = async (role: string) => {
    const url = new URL(postgres.url("rates"));
    url.username = role;
    const client = new pg.Client(url.href);
    client.on("error", () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const clients: pg.Client[] = [];
  /** Returns the roles that have rds_iam by inheritance or by SET ROLE: they can log in to RDS only with a token. */
  const tokenOnlyRoles = async () =>
    (
      await admin.query(`
        with recursive holds(member) as (
          select m.member from pg_auth_members m
          where m.roleid = 'rds_iam'::regrole and (m.inherit_option or m.set_option)
          union select m.member from pg_auth_members m join holds h on m.roleid = h.member
          where m.inherit_option or m.set_option)
        select member::regrole::text as role from holds order by 1`)
    ).rows.map(({ role }) => role);

  it("lets the migrator create the same schema as a superuser does", async () => {
    const slots = { glue: 2, ec2: 1 };
    const created = await migrateRoles({ url: master }, slots);
    assert.deepEqual(
      [...created].sort(),
      [...ROLES, readerRole("glue", 1), readerRole("glue", 2), readerRole("ec2", 1)].sort(),
    );
    await letRolesLogIn(admin, postgres.password, slots);
    const url = new URL(postgres.url("rates"));
    url.username = "migrator";
    assert.ok((await migrate({ url: url.href })).applied.length > 0);
    const reference = await migratedDatabase();
    try {
      const ours = (await catalogOf(await connectAs("migrator"))).filter((line) => !line.startsWith("schema public"));
      const theirs = await catalogOf(await reference.connect());
      assert.deepEqual(
        ours,
        theirs.filter((line) => !line.startsWith("schema public")),
      );
    } finally {
      await reference.drop();
    }
  });

  it("lets every login role use IAM tokens, but never the master", async () => {
    const holders = await tokenOnlyRoles();
    for (const role of [...ROLES, ...slotRoles({ glue: 2, ec2: 1 })]) assert.ok(holders.includes(role), role);
    assert.ok(!holders.includes("master"), holders.join(", "));
    // The check above detects a master that can become the migrator.
    await admin.query("grant migrator to master with inherit true");
    assert.ok((await tokenOnlyRoles()).includes("master"));
    await admin.query("revoke migrator from master");
  });

  it("can be repeated, and adds only the roles of further slots", async () => {
    assert.deepEqual(await migrateRoles({ url: master }, { glue: 2, ec2: 1 }), []);
    assert.deepEqual(await migrateRoles({ url: master }, { glue: 3, ec2: 1 }), ["job_reader_glue_3"]);
    await letRolesLogIn(admin, postgres.password, { glue: 3, ec2: 1 });
  });

  it("restores the settings of the roles that run statements of jobs", async () => {
    const settings = async () =>
      (
        await admin.query(
          "select r.rolname as role, s.setconfig as settings from pg_db_role_setting s join pg_roles r on r.oid = s.setrole order by 1",
        )
      ).rows;
    const before = await settings();
    for (const role of ["job_writer", "job_reader"])
      await admin.query(`alter role ${role} set client_connection_check_interval = '0'`);
    assert.notDeepEqual(await settings(), before);
    await migrateRoles({ url: master }, { glue: 3, ec2: 1 });
    assert.deepEqual(await settings(), before);
  });

  it("keeps a reader from seeing other sessions' statements, signalling them, reading tokens and writing prices", async () => {
    const [reader, other] = await Promise.all([connectAs("job_reader_glue_1"), connectAs("job_reader_glue_2")]);
    const { rows } = await other.query("select pg_backend_pid() as pid");
    const seen = await reader.query("select query, state from pg_stat_activity where pid = $1", [rows[0].pid]);
    assert.deepEqual(seen.rows, [{ query: "<insufficient privilege>", state: null }]);
    for (const signal of ["pg_cancel_backend", "pg_terminate_backend"])
      await assert.rejects(reader.query(`select ${signal}($1)`, [rows[0].pid]), { code: "42501" });
    assert.deepEqual((await other.query("select 1 as alive")).rows, [{ alive: 1 }]);
    await assert.rejects(reader.query("select * from jobs.tokens"), { code: "42501" });
    await assert.rejects(reader.query("insert into prices values ('A', 'B', '2021-01-01', 1)"), { code: "25006" });
    assert.deepEqual((await reader.query("show default_transaction_read_only")).rows, [
      { default_transaction_read_only: "on" },
    ]);
  });
});
