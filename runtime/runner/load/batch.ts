import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { Target } from "../../jobs/request.ts";
import { type BadRows, findBadRows } from "./check.ts";
import { csvRecords } from "./csv.ts";
import { inlineRecords, ndjsonRecords } from "./records.ts";
import { TARGETS } from "./targets.ts";

/** A batch on its way into the database. */
export interface Batch {
  target: Target;
  mode: "append" | "replace";
  content: { format: "csv" | "ndjson"; bytes: AsyncIterable<Buffer> } | { items: readonly unknown[] };
  /** The most bad rows to list beside the whole report. */
  reportRows: number;
  signal: AbortSignal;
  onProgress(progress: { rows: number; bytes: number }): void;
  /** The first row is about to be sent. */
  onCopy(): void;
}

/** Rows taken, and rows that `replace` removed for them; or what is wrong. */
export type Loaded = { rows: number; removed: number; bytes: number } | { rows: number; bytes: number; bad: BadRows };

/**
 * Loads a batch within the caller's transaction: all of it or nothing. It is staged as text (COPY into a temporary
 * table), then applied by set-wise statements that take exactly the rows that are sound. Only when those do not take
 * every row is the batch searched for faults, all of them at once.
 * @param client a connection of the role job_writer, in a transaction that the caller commits or rolls back
 */
export async function loadBatch(client: pg.ClientBase, batch: Batch): Promise<Loaded> {
  const staged = await stage(client, batch);
  if (staged.rows === 0) return { rows: 0, removed: 0, bytes: staged.bytes };
  await client.query("savepoint staged");
  const applied = await apply(client, batch, staged.rows);
  if (applied !== undefined) return { ...staged, removed: applied.removed };
  await client.query("rollback to savepoint staged");
  return { ...staged, bad: await findBadRows(client, batch.target, batch.reportRows) };
}

/** Memory for sorting a batch on the server; beyond it the sort goes to disk. */
const WORK_MEM = "64MB";

async function stage(
  client: pg.ClientBase,
  { target, content, signal, onProgress, onCopy }: Batch,
): Promise<{ rows: number; bytes: number }> {
  const table = TARGETS[target];
  const names = table.columns.map((column) => column.name);
  await client.query(
    `create temp table batch (${names.map((name) => `${name} text collate "C"`).join(", ")}, line bigint not null, problem text) on commit drop;
     set local work_mem = '${WORK_MEM}'`,
  );
  let bytes = 0;
  let lines = names;
  const counted = async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      bytes += chunk.length;
      onProgress({ rows: 0, bytes });
      yield chunk;
    }
  };
  const records =
    "items" in content
      ? inlineRecords(content.items, table)
      : content.format === "csv"
        ? csvRecords(counted(content.bytes), table, target, (columns) => {
            lines = columns;
          })
        : ndjsonRecords(counted(content.bytes), table);
  // The header decides the order of the columns, so the first rows are read before COPY begins.
  const iterator = records[Symbol.asyncIterator]();
  const first = await iterator.next();
  onCopy();
  if (first.done) return { rows: 0, bytes };
  const copy = client.query(
    copyFrom(`copy batch (${[...lines, "line", "problem"].join(", ")}) from stdin (format csv)`),
  );
  await pipeline(Readable.from(chain(first.value, iterator), { objectMode: false, highWaterMark: 1024 * 1024 }), copy, {
    signal,
  });
  onProgress({ rows: copy.rowCount, bytes });
  return { rows: copy.rowCount, bytes };
}

async function* chain(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** SQLSTATE classes that mean: a row of the batch is at fault. 22 data exceptions, 23 constraints, 21000 a key twice in one upsert. */
const ROW_AT_FAULT = /^(22|23|21)/;

/** Undefined: not every row could be taken. */
async function apply(
  client: pg.ClientBase,
  { target, mode }: Batch,
  staged: number,
): Promise<{ removed: number } | undefined> {
  const { remove, insert } = TARGETS[target].apply(mode);
  try {
    let removed = 0;
    if (remove) {
      await lockLanes(client);
      await client.query("analyze batch");
      removed = (await client.query(remove)).rowCount ?? 0;
    }
    const { rowCount } = await client.query(insert);
    if (rowCount !== staged) return undefined;
    const impossible = TARGETS[target].impossible;
    if (impossible && (await client.query(impossible)).rows.length > 0) return undefined;
    return { removed };
  } catch (error) {
    if (ROW_AT_FAULT.test((error as { code?: string }).code ?? "")) return undefined;
    throw error;
  }
}

/** Any fixed number: the space of these locks. */
const LANE_LOCKS = 721_693;

/**
 * Two batches that replace the same lane and day would both delete what was there and both insert. So each takes its
 * lanes first, in one order for all. Lanes share 1,024 locks by their hash: a batch of any size fits the server's lock
 * table (64 a connection by default), and two batches seldom wait for each other without need.
 */
const lockLanes = (client: pg.ClientBase) =>
  client.query(
    `select pg_advisory_xact_lock(${LANE_LOCKS}, bucket)
     from (select distinct hashtext(orig_code || '>' || dest_code) & 1023 as bucket from batch where problem is null and orig_code is not null and dest_code is not null order by 1) lanes`,
  );
