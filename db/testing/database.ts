import { fileURLToPath } from "node:url";
import pg from "pg";
import { TEST_SLOTS, testDatabase } from "../../runtime/testing/cluster.ts";
import { loadDump } from "../dump.ts";
import { migrate, migrateRoles } from "../migrate.ts";

/** A small pg_dump file with nested regions, days without prices, and non-ASCII names. */
export const FIXTURE = fileURLToPath(new URL("dump.sql", import.meta.url));

/** A database that only one test uses. */
export interface Scratch {
  url: string;
  /** Connects as the superuser, or as one of the platform's roles; `drop` ends the client. */
  connect(role?: string): Promise<pg.Client>;
  drop(): Promise<void>;
}

/** Creates an empty database on which the step `roles` has run. */
export async function emptyDatabase(): Promise<Scratch> {
  // Provides only the server and a unique name.
  const base = await testDatabase();
  const name = `${base.name}_empty`;
  await runStatement(base.url, `create database ${name} template template0`);
  const url = new URL(base.url);
  url.pathname = name;
  await migrateRoles({ url: url.href }, TEST_SLOTS);
  return scratch(url, async () => {
    await runStatement(base.url, `drop database ${name} with (force)`);
    await base.drop();
  });
}

/** Creates a migrated database without data. */
export async function migratedDatabase(): Promise<Scratch> {
  const database = await testDatabase();
  return scratch(new URL(database.url), database.drop);
}

/** Creates a database with the fixture, and migrates it. */
export async function fixtureDatabase(): Promise<Scratch> {
  const database = await emptyDatabase();
  await loadDump(await database.connect(), FIXTURE);
  // The superuser owns the tables of the dump; the step `roles` gives them to the migrator.
  await migrateRoles({ url: database.url }, TEST_SLOTS);
  await migrate({ url: database.url });
  return database;
}

function scratch(url: URL, remove: () => Promise<void>): Scratch {
  const clients: pg.Client[] = [];
  return {
    url: url.href,
    async connect(role) {
      const address = new URL(url);
      if (role !== undefined) address.username = role;
      const client = new pg.Client(address.href);
      client.on("error", () => undefined);
      await client.connect();
      clients.push(client);
      return client;
    },
    async drop() {
      await Promise.all(clients.map((client) => client.end()));
      await remove();
    },
  };
}

async function runStatement(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/**
 * Returns the catalog of the platform's schemas as sorted lines: columns, constraints, indexes, triggers, views,
 * functions, grants, owners and default privileges.
 */
export async function catalogOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(LINES);
  return rows.map(({ line }) => line);
}

const LINES = `
with ours as (select oid, nspname from pg_namespace where nspname in ('public', 'jobs', 'tracking')),
relations as (select c.*, c.oid::regclass::text as label from pg_class c join ours on ours.oid = c.relnamespace)
select format('schema %s owner %s grants %s', nspname, pg_get_userbyid(nspowner), nspacl) as line
  from pg_namespace where oid in (select oid from ours)
union all
select format('relation %s kind %s owner %s grants %s options %s', label, relkind, pg_get_userbyid(relowner), relacl, reloptions)
  from relations
union all
select format('column %s.%s position %s type %s collation %s not null %s default %s grants %s storage %s', label, attname, attnum,
    format_type(atttypid, atttypmod), (select collname from pg_collation where oid = attcollation), attnotnull,
    pg_get_expr(adbin, adrelid), attacl, attstorage)
  from relations join pg_attribute on attrelid = relations.oid left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where attnum > 0
union all
select format('constraint %s.%s %s validated %s properties %s', conrelid::regclass, conname, pg_get_constraintdef(oid),
    convalidated, to_jsonb(c) -> 'conenforced')
  from pg_constraint c where connamespace in (select oid from ours)
union all
select format('view %s: %s', label, pg_get_viewdef(oid)) from relations where relkind = 'v'
union all
select format('index %s valid %s: %s', label, indisvalid, pg_get_indexdef(indexrelid))
  from relations join pg_index on indexrelid = relations.oid
union all
select format('trigger %s enabled %s', pg_get_triggerdef(t.oid), tgenabled)
  from relations join pg_trigger t on tgrelid = relations.oid where not tgisinternal
union all
select format('internal triggers of %s: %s', label, count(*))
  from relations join pg_trigger t on tgrelid = relations.oid where tgisinternal group by label
union all
select format('function owner %s grants %s: %s', pg_get_userbyid(proowner), proacl, pg_get_functiondef(p.oid))
  from pg_proc p join ours on ours.oid = pronamespace where prokind in ('f', 'p')
union all
select format('default privileges of %s for %s: %s', pg_get_userbyid(defaclrole), defaclobjtype, defaclacl) from pg_default_acl
order by 1`;
