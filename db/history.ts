import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";

const REMEDY =
  "another version created it. Use that version, or start with an empty database (locally: delete the data directory, .local).";

/**
 * Returns the hash of a migration without its comments and line breaks, so that adding, rewording or removing a comment
 * does not change it.
 */
function hashOf(sql: string): string {
  const words = sql.replace(/--.*$/gm, "").trim().split(/\s+/);
  // The outer spaces are part of the hashes that existing databases have recorded.
  const code = ` ${words.join(" ")} `;
  return createHash("sha256").update(code).digest("hex");
}

/** Names of the migrations of a directory, without `.sql`, each with its hash. */
function readMigrations(migrations: string): Map<string, string> {
  const files = readdirSync(migrations).filter((file) => file.endsWith(".sql"));
  return new Map(
    files.map((file) => [file.replace(/\.sql$/, ""), hashOf(readFileSync(join(migrations, file), "utf8"))]),
  );
}

const exists = async (client: pg.Client, table: string): Promise<boolean> =>
  (await client.query("select to_regclass($1) is not null as exists", [table])).rows[0].exists;

const fileOf = (name: string) => `migrations/${name}.sql`;

/**
 * Refuses a database whose migrations differ from this version's, by name or by content.
 *
 * @throws Error that names the migration and the remedy
 */
export async function refuseOtherHistory(client: pg.Client, migrations: string): Promise<void> {
  if (!(await exists(client, "public.migrations"))) return;
  const known = readMigrations(migrations);
  const { rows } = await client.query<{ name: string }>("select name from public.migrations order by id");
  const unknown = rows.find(({ name }) => !known.has(name));
  if (unknown)
    throw new Error(`This database has the migration '${unknown.name}', which is unknown to this version: ${REMEDY}`);
  if (!(await exists(client, "public.applied_functions"))) return;
  const { rows: files } = await client.query<{ file: string; hash: string }>(
    "select file, hash from public.applied_functions",
  );
  if (files.length === 0) return;
  const recorded = new Map(files.map(({ file, hash }) => [file, hash]));
  const hasHistory = files.some(({ file }) => file.startsWith("migrations/"));
  const changed = rows.find(({ name }) => {
    const hash = recorded.get(fileOf(name));
    // If other migrations have a hash, an earlier call was interrupted between committing this one and recording it.
    return hash === undefined ? !hasHistory : hash !== known.get(name);
  });
  if (changed)
    throw new Error(`The migration '${changed.name}' of this database differs from this version's: ${REMEDY}`);
}

/** Records the hashes of the applied migrations, if the table for them exists. */
export async function recordHistory(client: pg.Client, migrations: string): Promise<void> {
  if (!(await exists(client, "public.applied_functions"))) return;
  const known = readMigrations(migrations);
  const { rows } = await client.query<{ name: string }>("select name from public.migrations order by id");
  await client.query(
    `insert into public.applied_functions (file, hash) select * from unnest($1::text[], $2::text[])
     on conflict (file) do nothing`,
    [rows.map(({ name }) => fileOf(name)), rows.map(({ name }) => known.get(name))],
  );
}
