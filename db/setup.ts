import { accessSync, constants, statSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ReaderSlots } from "../runtime/platform/postgres.ts";
import { readSettings, slotsOf } from "../runtime/platform/settings.ts";
import { type Cluster, isPrepared, prepare } from "./prepare.ts";

/** Connection of a cluster's superuser, from the environment, and the name of the platform's database. */
export interface Target {
  cluster: Cluster;
  database: string;
}

/** Thrown with the remedy when the database cannot be set up. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/**
 * Reads (defaults in parentheses) DATABASE_HOST (127.0.0.1), DATABASE_PORT (5432), DATABASE_NAME (rates), DATABASE_USER
 * (postgres), which must be a superuser, and DB_PASSWORD.
 * @throws SetupError if there is no password
 */
export function targetOf(env: NodeJS.ProcessEnv): Target {
  const password = env.DB_PASSWORD;
  if (!password)
    throw new SetupError("DB_PASSWORD is empty; set it to the password with which the database was created.");
  const server = new URL(`postgres://${env.DATABASE_HOST ?? "127.0.0.1"}:${env.DATABASE_PORT ?? 5432}`);
  server.username = encodeURIComponent(env.DATABASE_USER ?? "postgres");
  server.password = encodeURIComponent(password);
  const url = (database: string) => new URL(`/${encodeURIComponent(database)}`, server).href;
  return { cluster: { password, url }, database: env.DATABASE_NAME ?? "rates" };
}

/**
 * Sets up the database of an existing cluster. Creates a missing database with the contents of `dump`, or with the sample
 * if the dump is undefined or empty (/dev/null). Migrates an existing database and ignores the dump.
 *
 * @throws SetupError or DumpError for problems that the user can fix
 */
export async function setUp(
  { cluster, database }: Target,
  dump: string | undefined,
  slots: ReaderSlots,
  onProgress: (line: string) => void,
): Promise<void> {
  try {
    const isNew = !(await isPrepared(cluster, database));
    const file = isNew && dump !== undefined ? usableDump(dump) : undefined;
    if (!isNew && dump !== undefined && !isEmpty(dump))
      onProgress(`The database ${database} already exists; the dump is ignored.`);
    await prepare(cluster, database, { ...(file === undefined ? {} : { dump: file }), slots, onProgress });
  } catch (error) {
    if ((error as { code?: unknown }).code !== INVALID_PASSWORD) throw error;
    throw new SetupError(
      "Postgres refuses DB_PASSWORD: the data directory was created with another password; use that one.",
      {
        cause: error,
      },
    );
  }
}

const INVALID_PASSWORD = "28P01";

/** Returns the dump's path, or undefined if the file is empty. */
function usableDump(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new SetupError(`The dump ${path} does not exist.`);
  if (stats.isDirectory())
    throw new SetupError(
      `The dump ${path} is a directory; use a plain pg_dump file. (Docker creates a directory for a missing file.)`,
    );
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw new SetupError(
      `User ${process.getuid?.()} has no permission to read the dump ${path}; let others read it (chmod o+r).`,
      { cause },
    );
  }
  return isEmpty(path) ? undefined : path;
}

/** Returns true for an existing file without contents, for example /dev/null. */
function isEmpty(path: string): boolean {
  try {
    const stats = statSync(path);
    return !stats.isDirectory() && stats.size === 0;
  } catch {
    return false;
  }
}

/** `node db/setup.ts [--dump FILE.sql]`: sets up or migrates the database of the environment. */
if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { dump: { type: "string" } } });
    const target = targetOf(process.env);
    await setUp(target, values.dump, slotsOf(readSettings()), console.log);
    console.log(`The database ${target.database} is up to date.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
