import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";

/** A SQL file that defines a function or a view, with its grants. */
interface Definition {
  /** Path below the directory, for example `functions/jobs/accept.sql`. */
  readonly file: string;
  readonly sql: string;
  readonly hash: string;
}

/** Folders of definitions, in the order in which they are applied: functions first, since views call them. */
const FOLDERS = ["functions", "views"];

/**
 * Reads all definitions below `directory` (db/ or its copy in the Lambda archive).
 *
 * @returns The definitions in the order in which they are applied; empty if none exist
 */
export function readDefinitions(directory: string): Definition[] {
  return FOLDERS.flatMap((folder) => sqlFiles(directory, folder)).map((file) => {
    const sql = readFileSync(join(directory, file), "utf8");
    return { file, sql, hash: createHash("sha256").update(sql).digest("hex") };
  });
}

function sqlFiles(directory: string, folder: string): string[] {
  try {
    return readdirSync(join(directory, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".sql"))
      .map((name) => join(folder, name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Applies the definitions whose content differs from the database's, in one transaction. Forgets definitions whose file
 * was removed, so that a file that is restored later is applied again.
 * Each file is `create or replace`: a file that is removed, or a signature that changes, needs a `drop` in a migration.
 * @param client - A client that acts as migrator.
 * @returns the files that were applied
 * @throws Error that names the file, with Postgres's own error as its cause; then nothing was applied
 */
export async function applyDefinitions(client: pg.Client, directory: string): Promise<string[]> {
  const definitions = readDefinitions(directory);
  if (definitions.length === 0) return [];
  const { rows } = await client.query<{ file: string; hash: string }>(
    "select file, hash from public.applied_functions",
  );
  const applied = new Map(rows.map(({ file, hash }) => [file, hash]));
  const changed = definitions.filter(({ file, hash }) => applied.get(file) !== hash);
  const files = new Set(definitions.map(({ file }) => file));
  // The table also lists migrations, which are not in these folders.
  const removed = [...applied.keys()].filter(
    (file) => FOLDERS.some((folder) => file.startsWith(`${folder}/`)) && !files.has(file),
  );
  if (changed.length === 0 && removed.length === 0) return [];
  await client.query("begin");
  try {
    await client.query("delete from public.applied_functions where file = any ($1)", [removed]);
    // Functions may call each other in any order; db/definitions.test.ts checks every body afterwards.
    await client.query("set local check_function_bodies = off");
    for (const definition of changed) await applyDefinition(client, definition);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
  return changed.map(({ file }) => file);
}

async function applyDefinition(client: pg.Client, { file, sql, hash }: Definition): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} failed: ${reason}`, { cause: error });
  }
  await client.query(
    `insert into public.applied_functions (file, hash) values ($1, $2)
     on conflict (file) do update set hash = excluded.hash, applied_at = excluded.applied_at`,
    [file, hash],
  );
}
