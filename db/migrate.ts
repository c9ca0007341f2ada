import { join } from "node:path";
import { parseArgs } from "node:util";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { connectionOptions, type ReaderSlots } from "../runtime/platform/postgres.ts";
import { readSettings, slotsOf } from "../runtime/platform/settings.ts";
import { applyDefinitions } from "./definitions.ts";
import { recordHistory, refuseOtherHistory } from "./history.ts";
import { ensureRoles } from "./roles.ts";

/** Result of `migrate`: names only, no data. */
export interface Migrated {
  /** The migrations, functions and views it applied, in order; empty when the database was up to date. */
  applied: string[];
}

/** Any fixed number: the holder of this advisory lock migrates. */
const MIGRATION_LOCK = 7_216_930_441;

/**
 * The step `roles`, with a connection of its own: see ensureRoles.
 * @returns the names of the roles that it created
 */
export async function migrateRoles(target: { url: string } | pg.ClientConfig, slots: ReaderSlots): Promise<string[]> {
  const client = new pg.Client("url" in target ? target.url : target);
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await ensureRoles(client, slots);
  } finally {
    await client.end();
  }
}

/**
 * The step `migrate`, as the role migrator or one that may become it, after the step `roles`. Brings a database up to
 * date: applies the numbered SQL files of `migrations/` that it lacks, in order, each in a
 * transaction of its own together with its entry in public.migrations; then the files of `functions/` and `views/` whose
 * content has changed, in one transaction. Several callers may come at once: one works, the others wait (at
 * most ten minutes) and find nothing to do. Each lock on a table is waited for at most ten seconds, since everybody
 * else queues up behind that wait; then the migration fails, having changed nothing, and can be called again.
 *
 * `onProgress` is called with a line for each step; `directory` holds the three folders, if not the one of this module.
 * Throws an Error that names the migration and keeps Postgres's own error as its cause.
 */
export async function migrate(
  target: { url: string } | pg.ClientConfig,
  onProgress: (line: string) => void = () => undefined,
  directory: string = import.meta.dirname,
): Promise<Migrated> {
  const migrations = join(directory, "migrations");
  const client = new pg.Client("url" in target ? target.url : target);
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("set lock_timeout = '10min'");
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await client.query("set lock_timeout = '10s'");
    await client.query("set role migrator");
    // node-pg-migrate tells which file it is at only through its log.
    const begun = new Set<string>();
    const info = (line: string) => {
      const [, name] = /^### MIGRATION (\S+) \(UP\)/.exec(line) ?? [];
      if (name === undefined) return;
      begun.add(name);
      onProgress(`migration ${name}`);
    };
    const up = () =>
      runner({
        dbClient: client,
        dir: migrations,
        direction: "up",
        schema: "public",
        migrationsTable: "migrations",
        singleTransaction: false,
        noLock: true,
        logger: { info, warn: onProgress, error: () => undefined },
      });
    await refuseOtherHistory(client, migrations);
    try {
      await up();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const current = [...begun].at(-1);
      // The failed migration has left its transaction open; a lost connection leaves the recording to the next call.
      await client
        .query("rollback")
        .then(() => recordHistory(client, migrations))
        .catch(() => undefined);
      throw new Error(current ? `Migration ${current} failed: ${reason}` : `Cannot migrate: ${reason}`, {
        cause: error,
      });
    }
    await recordHistory(client, migrations);
    const definitions = await applyDefinitions(client, directory);
    if (definitions.length > 0) onProgress(`${definitions.length} functions and views`);
    return { applied: [...begun, ...definitions] };
  } finally {
    await client.end();
  }
}

/**
 * `node db/migrate.ts [--roles]`: migrates the database of the DATABASE_* environment as the role migrator. With --roles
 * it first creates the roles that are missing, as the user that DATABASE_USER names, who must be allowed to.
 */
if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { roles: { type: "boolean", default: false } } });
    const target = connectionOptions("migrator");
    if (values.roles) {
      const user = process.env.DATABASE_USER ?? "postgres";
      const created = await migrateRoles({ ...target, user }, slotsOf(readSettings()));
      console.log(created.length === 0 ? "All roles exist." : `Created ${created.length} roles: ${created.join(", ")}`);
    }
    const { applied } = await migrate(target, console.log);
    console.log(applied.length === 0 ? "The database is up to date." : `Applied ${applied.length} files.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
