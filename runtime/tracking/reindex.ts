import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { counted } from "../contract/counted.ts";
import { trackingOf } from "../platform/dataDirectory.ts";
import { pool } from "../platform/postgres.ts";
import { readSettings } from "../platform/settings.ts";
import { trackingStore } from "./index.ts";
import type { TrackingStore, UnwrittenDocument, VersionedDocument } from "./store.ts";

/** Documents per batch: the maximum in memory. */
const BATCH = 500;
/** Seconds before each retry of a batch that the store did not accept. */
const PAUSES = [1, 2, 4, 8, 15, 30, 60];

/** A document that the store refused permanently, or still refused after the last pause. */
export interface RefusedDocument {
  tenant: string;
  requestId: string;
  reason: string;
}

/** Progress callback and pauses of a rebuild. */
export interface RebuildOptions {
  /** Called after each batch with the progress. */
  progress?(done: number, total: number): void;
  /**
   * Seconds before each retry of documents that were not accepted.
   *
   * @default 1 to 60, in seven retries
   */
  pauses?: readonly number[];
}

/**
 * Writes the documents of all jobs and rejected requests into a tracking store that was lost or lacks fields. Safe
 * while dispatchers or another rebuild run: a newer document stays.
 *
 * @param db - Connection with the role dispatcher.
 * @returns the number of written documents, and the refused ones
 * @throws JobError TrackingUnavailable if the store fails for longer than all pauses; running it again is harmless
 */
export async function rebuild(
  db: Pick<pg.ClientBase, "query">,
  store: TrackingStore,
  { progress = () => undefined, pauses = PAUSES }: RebuildOptions = {},
): Promise<{ written: number; refused: RefusedDocument[] }> {
  const { rows: totals } = await db.query<{ total: number }>(
    "select ((select count(*) from jobs.base_documents) + (select count(*) from jobs.rejected_documents))::int as total",
  );
  const total = totals[0]?.total ?? 0;
  const refused: RefusedDocument[] = [];
  let done = 0;
  for (const [view, first, type] of [
    ["base_documents", "0", "bigint"],
    ["rejected_documents", "", "text"],
  ] as const)
    for (let last: string = first; ; ) {
      const { rows } = await db.query<{ id: string; version: string; document: VersionedDocument["document"] }>(
        `select id, version, document from jobs.${view} where id > $1::${type} order by id limit $2`,
        [last, BATCH],
      );
      const end = rows.at(-1);
      if (end === undefined) break;
      const documents = rows.map((row) => ({ version: Number(row.version), document: row.document }));
      refused.push(...(await putAll(store, documents, pauses)));
      last = end.id;
      done += rows.length;
      progress(done, Math.max(done, total));
    }
  return { written: done - refused.length, refused };
}

/**
 * Writes a batch and retries documents that were not accepted.
 *
 * @returns the documents that were refused permanently or after the last pause
 */
async function putAll(
  store: TrackingStore,
  documents: VersionedDocument[],
  pauses: readonly number[],
): Promise<RefusedDocument[]> {
  let remaining = documents;
  for (let retry = 0; ; retry++) {
    const pause = pauses[retry];
    let unwritten: UnwrittenDocument[] = remaining.map((_, index) => ({ index, reason: "", final: false }));
    try {
      unwritten = await store.put(remaining);
    } catch (error) {
      if (pause === undefined) throw error;
    }
    if (pause === undefined || unwritten.every(({ final }) => final))
      return unwritten.flatMap(({ index, reason }) => {
        const document = remaining[index]?.document;
        return document ? [{ tenant: document.tenant, requestId: document.requestId, reason }] : [];
      });
    remaining = unwritten.flatMap(({ index }) => remaining[index] ?? []);
    await delay(pause * 1000);
  }
}

const USAGE = `node runtime/tracking/reindex.ts [--data-dir DIR]
Rebuilds the tracking documents of all jobs and rejected requests; jobs and search keep working meanwhile. In a stack's
network it reads the addresses from its environment; --data-dir names the data directory of a platform on this machine.`;
/** Interval of progress messages in milliseconds. */
const PROGRESS_MS = 1_000;
const MAX_SHOWN = 10;

const formatNumber = (value: number) => value.toLocaleString("en");

if (import.meta.main) process.exitCode = await main();

/** Runs the command (USAGE). Returns the exit code: 0 all documents written, 1 not all, 2 wrong options or environment. */
async function main(): Promise<number> {
  let connection: Awaited<ReturnType<typeof connectStores>>;
  try {
    const { values } = parseArgs({ options: { "data-dir": { type: "string" }, help: { type: "boolean" } } });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    connection = await connectStores(values["data-dir"]);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  const { db, store } = connection;
  const startedAt = performance.now();
  let reportedAt = startedAt;
  try {
    const { written, refused } = await rebuild(db, store, {
      progress(done, total) {
        if (performance.now() - reportedAt < PROGRESS_MS) return;
        reportedAt = performance.now();
        const rate = Math.round(done / ((reportedAt - startedAt) / 1000));
        console.error(`${formatNumber(done)} of ${formatNumber(total)} documents, ${formatNumber(rate)} per second`);
      },
    });
    console.error(
      `${counted(written, "document")} written in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`,
    );
    if (refused.length === 0) return 0;
    console.error(
      `${formatNumber(refused.length)} were refused, ${refused.length > MAX_SHOWN ? `the first ${MAX_SHOWN}` : "these"}:`,
    );
    for (const { tenant, requestId, reason } of refused.slice(0, MAX_SHOWN))
      console.error(`  ${requestId} of tenant ${tenant}: ${reason}`);
    return 1;
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\nRun it again; writing a document twice is harmless.`,
    );
    return 1;
  } finally {
    await db.end();
  }
}

/** Connects to the database and the store that the environment names, or to those of the platform with a data directory. */
async function connectStores(dataDir: string | undefined): Promise<{ db: pg.Pool; store: TrackingStore }> {
  if (dataDir === undefined) {
    const db = pool("dispatcher", 1);
    return { db, store: trackingStore(readSettings(), db) };
  }
  const { databaseUrl, endpoint } = trackingOf(resolve(dataDir));
  const db = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const settings = endpoint === undefined ? {} : { tracking: { endpoint } };
  return { db, store: trackingStore(readSettings({ RATES_SETTINGS: JSON.stringify(settings) }), db) };
}
