import pg from "pg";
import type { ReaderSlots } from "../runtime/platform/postgres.ts";
import { loadDump } from "./dump.ts";
import { migrate, migrateRoles } from "./migrate.ts";
import { letRolesLogIn } from "./roles.ts";
import { loadSample } from "./sample/load.ts";

/** A cluster outside of AWS that only the platform uses. */
export interface Cluster {
  /** Password of the superuser and of every role of the platform. */
  password: string;
  /** URL of a database, for the superuser. */
  url(database: string): string;
}

/** Returns true if the cluster has the database `name`, which then has all its initial contents. */
export async function isPrepared(cluster: Cluster, name: string): Promise<boolean> {
  return withClient(cluster.url("postgres"), (admin) => hasDatabase(admin, name));
}

/**
 * Prepares the database `name` for the platform. The first call creates and fills it, with the dump if one is given,
 * otherwise with the sample; later calls ignore the dump. Every call migrates it and creates missing login roles of the
 * run slots.
 */
export async function prepare(
  cluster: Cluster,
  name: string,
  { dump, slots, onProgress }: { dump?: string; slots: ReaderSlots; onProgress: (line: string) => void },
): Promise<void> {
  // Name of the database until it has all its initial contents, so that an interrupted first call starts over.
  const unfinished = `${name}_unfinished`;
  await withClient(cluster.url("postgres"), async (admin) => {
    if (await hasDatabase(admin, name)) {
      await migrateRoles({ url: cluster.url(name) }, slots);
      await migrate({ url: cluster.url(name) }, onProgress);
    } else {
      const quoted = pg.escapeIdentifier(unfinished);
      await admin.query(`drop database if exists ${quoted} with (force)`);
      await admin.query(`create database ${quoted}`);
      await fill(cluster.url(unfinished), dump, slots, onProgress);
      await admin.query(`alter database ${quoted} rename to ${pg.escapeIdentifier(name)}`);
    }
    await letRolesLogIn(admin, cluster.password, slots);
  });
}

async function hasDatabase(admin: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await admin.query("select from pg_database where datname = $1", [name]);
  return rowCount === 1;
}

async function fill(
  url: string,
  dump: string | undefined,
  slots: ReaderSlots,
  onProgress: (line: string) => void,
): Promise<void> {
  if (dump !== undefined) {
    onProgress(`Loading ${dump} …`);
    const { notes } = await withClient(url, (client) => loadDump(client, dump));
    for (const note of notes) onProgress(`  ${note}`);
  }
  await migrateRoles({ url }, slots);
  await migrate({ url });
  if (dump === undefined) {
    onProgress("Loading the sample of ports, regions and prices …");
    await withClient(url, (client) => loadSample(client));
  }
}

/** Runs `work` with a connection, and closes it. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
