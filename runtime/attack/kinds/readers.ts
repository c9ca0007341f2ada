import assert from "node:assert/strict";
import pg from "pg";
import { readerRole } from "../../platform/postgres.ts";
import type { Target } from "../target.ts";
import type { AttackKind } from "./kind.ts";

/** Statements sent with a run's role, bypassing the SQL checker. All must fail. */
const FORBIDDEN: readonly string[] = [
  "select * from jobs.tokens",
  "select * from jobs.documents",
  "select * from jobs.responses",
  "select * from tracking.documents",
  "select * from pg_authid",
  "select jobs.clock()",
  "select jobs.cancel('victim', 'x')",
  "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'api_reader'",
  "select pg_cancel_backend(pid) from pg_stat_activity where usename = 'dispatcher'",
  "select pg_read_file('postgresql.conf')",
  "copy (select 1) to program 'true'",
  "set role job_writer",
  "set session authorization postgres",
  "create temporary table t (a int)",
  "create table public.t (a int)",
  "begin read write; delete from prices; commit",
  "set default_transaction_read_only = off; update ports set name = ''",
  "alter role current_user set work_mem = '10GB'",
  "vacuum prices",
  "create extension dblink",
  "lock table prices in access exclusive mode",
];

/** Opens a session with the role of a run's slot. */
async function connectAsReader(target: Target, slot: number): Promise<pg.Client> {
  const url = new URL(target.file.databaseUrl);
  url.username = readerRole("glue", slot);
  const client = new pg.Client(url.href);
  await client.connect();
  return client;
}

/** SQL that bypasses the SQL checker, executed with the role of a run's slot. */
export const readers: AttackKind = {
  name: "reader roles",
  checks: {
    "lets a run's role read prices": async (target) => {
      const client = await connectAsReader(target, 1);
      try {
        assert.equal((await client.query("select from prices limit 1")).rowCount, 1);
      } finally {
        await client.end();
      }
    },
    "lets a run's role read, signal and change nothing else": async (target) => {
      const client = await connectAsReader(target, 1);
      try {
        for (const statement of FORBIDDEN) await assert.rejects(client.query(statement), pg.DatabaseError, statement);
      } finally {
        await client.end();
      }
    },
    "hides the sessions of other runs from a run's role": async (target) => {
      const [client, other] = await Promise.all([connectAsReader(target, 1), connectAsReader(target, 2)]);
      try {
        await other.query("select 'secret of another run'");
        const { rows } = await client.query("select pid, query from pg_stat_activity where query like '%secret of%'");
        assert.deepEqual(
          rows.filter(({ query }) => !query.includes("pg_stat_activity")),
          [],
        );
      } finally {
        await Promise.all([client.end(), other.end()]);
      }
    },
  },
};
