import { join } from "node:path";
import { parseArgs } from "node:util";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { counted } from "../runtime/contract/counted.ts";
import { connectionOptions, type ReaderSlots } from "../runtime/platform/postgres.ts";
import { readSettings, slotsOf } from "../runtime/platform/settings.ts";
import { applyDefinitions } from "./definitions.ts";
import { recordHistory, refuseOtherHistory } from "./history.ts";
import { ensureRoles } from "./roles.ts";

/** Result of `migrate`: names only, no data. */
export interface MigrationResult {
  /** Applied migrations, functions and views, in order; empty if the database was up to date. */
  applied: string[];
}

/** Key of the advisory lock that the migrating session holds; any fixed number. */
const MIGRATION_LOCK = 7_216_930_441;

/**
 * Runs the step `roles` (ensureRoles) with its own connection.
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
 * Brings a database up to date (the step `migrate`, which follows the step `roles`). Applies the missing SQL files of
 * `migrations/` in order, each in one transaction with its entry in public.migrations. Then applies the changed files of
 * `functions/` and `views/` in one transaction. Concurrent callers wait for the first one (at most ten minutes) and then
 * find nothing to do. A migration waits at most ten seconds for a table lock, since later statements queue behind it;
 * then it fails without changes and can be repeated.
 *
 * @param target - Logs in as migrator, or as a role that may become migrator.
 * @param onProgress - Called with a line for each migration, and with one for all changed functions and views.
 * @param directory - Parent of the three folders. @default this module's directory
 * @throws Error that names the migration, or the file of the function or view, with Postgres's own error as its cause
 */
export async function migrate(
  target: { url: string } | pg.ClientConfig,
  onProgress: (line: string) => void = () => undefined,
  directory: string = import.meta.dirname,
): Promise<MigrationResult> {
  const migrations = join(directory, "migrations");
  const client = new pg.Client("url" in target ? target.url : target);
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("set lock_timeout = '10min'");
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await client.query("set lock_timeout = '10s'");
    await client.query("set role migrator");
    // node-pg-migrate reports the current file only in its log.
    const started = new Set<string>();
    const info = (line: string) => {
      const [, name] = /^### MIGRATION (\S+) \(UP\)/.exec(line) ?? [];
      if (name === undefined) return;
      started.add(name);
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
      const current = [...started].at(-1);
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
    if (definitions.length > 0) onProgress(`functions and views: ${counted(definitions.length, "file")}`);
    return { applied: [...started, ...definitions] };
  } finally {
    await client.end();
  }
}

/**
 * `node db/migrate.ts [--roles]`: migrates the database of the DATABASE_* environment as the role migrator. With --roles
 * it first creates missing roles, as the user DATABASE_USER, which must be allowed to create them.
 */
if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { roles: { type: "boolean", default: false } } });
    const target = connectionOptions("migrator");
    if (values.roles) {
      const user = process.env.DATABASE_USER ?? "postgres";
      const created = await migrateRoles({ ...target, user }, slotsOf(readSettings()));
      console.log(
        created.length === 0 ? "All roles exist." : `Created ${counted(created.length, "role")}: ${created.join(", ")}`,
      );
    }
    const { applied } = await migrate(target, console.log);
    console.log(applied.length === 0 ? "The database is up to date." : `Applied ${counted(applied.length, "file")}.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
