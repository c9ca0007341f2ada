import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { JobError } from "../../jobs/errors.ts";
import type { Target } from "../../jobs/request.ts";
import { apply } from "./apply.ts";
import { type BadRows, findBadRows } from "./check.ts";
import { csvRecords } from "./csv.ts";
import { inlineRecords, ndjsonRecords } from "./records.ts";
import { Sink } from "./sink.ts";
import { TARGETS } from "./targets.ts";

/** A batch on its way into the database. */
export interface Batch {
  target: Target;
  mode: "append" | "replace";
  content: { format: "csv" | "ndjson"; bytes: AsyncIterable<Buffer> } | { items: readonly unknown[] };
  /** The most faults to list beside the whole report. */
  reportRows: number;
  signal: AbortSignal;
  /** Rows read and bytes of the unpacked source so far; called for every chunk. */
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
  const { target, mode, reportRows } = batch;
  const { badRows, ...staged } = await stage(client, batch);
  if (staged.rows === 0) return { ...staged, removed: 0 };
  await client.query("savepoint staged");
  const applied = badRows === 0 ? await apply(client, TARGETS[target], mode, staged.rows) : { refused: undefined };
  if (!("refused" in applied)) return { ...staged, ...applied };
  await client.query("rollback to savepoint staged");
  const bad = await findBadRows(client, TARGETS[target], reportRows);
  // A port that was missing and came meanwhile: the batch is sound by now, and another attempt takes it.
  if (bad.rows === 0)
    throw new JobError(
      "SerializationConflict",
      { reason: "rows of the batch were refused that are sound when looked at again" },
      { cause: applied.refused },
    );
  return { ...staged, bad };
}

/** Memory for sorting a batch on the server; beyond it the sort goes to disk. A million prices take just this. */
const WORK_MEM = "64MB";

async function stage(
  client: pg.ClientBase,
  { target, content, signal, onProgress, onCopy }: Batch,
): Promise<{ rows: number; bytes: number; badRows: number }> {
  const table = TARGETS[target];
  const names = table.columns.map((column) => column.name);
  await client.query(
    `create temp table batch (${names.map((name) => `${name} text collate "C"`).join(", ")}, line bigint not null, problem text) on commit drop;
     set local work_mem = '${WORK_MEM}'`,
  );
  const sink = new Sink(names.length);
  let bytes = 0;
  let columns = names;
  const counted = async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      bytes += chunk.length;
      yield chunk;
      onProgress({ rows: sink.rows, bytes });
    }
  };
  const records =
    "items" in content
      ? inlineRecords(content.items, table, sink)
      : content.format === "csv"
        ? csvRecords(counted(content.bytes), table, target, sink, (found) => {
            columns = found;
          })
        : ndjsonRecords(counted(content.bytes), table, sink);
  // The header decides the order of the columns, so the first rows are read before COPY begins.
  const first = await records.next();
  onCopy();
  if (!first.done) {
    const copy = client.query(
      copyFrom(`copy batch (${[...columns, "line", "problem"].join(", ")}) from stdin (format csv)`),
    );
    const rows = Readable.from(chain(first.value, records), { objectMode: false, highWaterMark: 1024 * 1024 });
    await pipeline(rows, copy, { signal }).catch((error) => {
      // Postgres calls a COPY that is broken off a cancelled statement; why it was, the signal knows.
      throw signal.aborted ? signal.reason : error;
    });
    if (copy.rowCount !== sink.rows)
      throw new JobError("Internal", { reason: `${sink.rows} rows were sent to COPY, which took ${copy.rowCount}` });
  }
  onProgress({ rows: sink.rows, bytes });
  return { rows: sink.rows, bytes, badRows: sink.badRows };
}

/** Delegates, so that an end from either side reaches the source. */
async function* chain(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
