import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { JobError } from "../../contract/errors.ts";
import type { Target } from "../../contract/request.ts";
import { apply } from "./apply.ts";
import { addToReport, type BadRows, findBadRows, StagingChecks } from "./check.ts";
import { csvRecords } from "./csv.ts";
import { inlineRecords, ndjsonRecords } from "./records.ts";
import { MAX_RECORD_BYTES, Sink, type StagingLimits, type StopReason } from "./sink.ts";
import { TARGETS, type TargetTable } from "./targets.ts";
import { textOf } from "./text.ts";

/** A batch to load. */
export interface Batch {
  target: Target;
  mode: "append" | "replace";
  content: { format: "csv" | "ndjson"; bytes: AsyncIterable<Buffer> } | { items: readonly unknown[] };
  /** Maximum number of problems listed in the error; the report has all. */
  reportRows: number;
  limits: StagingLimits;
  signal: AbortSignal;
  /** Rows read and bytes of the unpacked source so far; called for every chunk. */
  onProgress(progress: { rows: number; bytes: number }): void;
  /** Called before the first row is sent. */
  onCopy(): void;
}

/** The maximum at which reading stopped before the end of the source, by its configuration key. */
export interface StopPoint {
  setting: `jobs.${StopReason}`;
  maximum: number;
  /** Rows read until then. */
  rows: number;
}

/** Rows loaded, and rows that mode `replace` removed; or the bad rows. */
export type LoadResult =
  | { rows: number; removed: number; bytes: number }
  | {
      rows: number;
      bytes: number;
      bad: BadRows;
      stopped: StopPoint | undefined;
      /** Sentence that says why the report is incomplete, if it is. */
      incomplete: string | undefined;
    };

/**
 * Loads a batch within the client's open transaction, completely or not at all. It is staged as text (COPY into a
 * temporary table), then applied by set-based statements, which insert only valid rows. If they do not insert every row,
 * the batch is searched for bad rows.
 * @param client - A connection of the role job_writer with an open transaction, which is neither committed nor rolled
 * back here.
 * @throws JobError BatchTooLarge, SerializationConflict, and errors of the source and its format
 */
export async function loadBatch(client: pg.ClientBase, batch: Batch): Promise<LoadResult> {
  const { target, mode, reportRows, limits } = batch;
  const table = TARGETS[target];
  const { badRows, stopped, lastLine, ...staged } = await stageBatch(client, batch);
  if (staged.rows === 0 && !stopped) return { ...staged, removed: 0 };
  const applied =
    badRows === 0 && !stopped ? await applyOrNormalize(client, table, mode, staged.rows) : { refused: undefined };
  if (!("refused" in applied)) return { ...staged, ...applied };
  const bad = await findBadRows(client, table, { limit: reportRows, maxBadRows: limits.maxBadRows });
  if (bad.rows === 0 && stopped) throw new JobError("BatchTooLarge", { limit: limits.stagedBytes, rows: staged.rows });
  // A missing port was added meanwhile: the batch is valid now, and another attempt loads it.
  if (bad.rows === 0)
    throw new JobError(
      "SerializationConflict",
      { reason: "rows of the batch were refused that are valid when checked again" },
      { cause: applied.refused },
    );
  const stopPoint: StopPoint | undefined = stopped && {
    setting: `jobs.${stopped}`,
    maximum: limits[stopped],
    rows: staged.rows,
  };
  const incomplete = stopPoint
    ? stopText(stopPoint)
    : bad.isTruncated
      ? `There are more bad rows: only the first ${limits.maxBadRows} are listed (jobs.maxBadRows).`
      : undefined;
  if (incomplete === undefined) return { ...staged, bad, stopped: undefined, incomplete };
  await addToReport(client, lastLine, incomplete);
  return { ...staged, bad: { ...bad, problemCount: bad.problemCount + 1 }, stopped: stopPoint, incomplete };
}

/** Returns the sentence that says where and why reading stopped. */
const stopText = ({ setting, maximum, rows }: StopPoint): string =>
  `Reading stopped after ${rows} rows, at the maximum of ${maximum} ${setting === "jobs.maxBadRows" ? "bad rows" : "bytes in the database"} (${setting}); the rest of the source was not checked.`;

/** Applies the batch; if it is refused as written, again with normalized values. */
async function applyOrNormalize(client: pg.ClientBase, table: TargetTable, mode: Batch["mode"], rows: number) {
  for (let normalize = table.normalize; ; normalize = undefined) {
    await client.query("savepoint staged");
    const applied = await apply(client, table, mode, rows);
    if (!("refused" in applied)) return applied;
    await client.query("rollback to savepoint staged");
    if (normalize === undefined || (await client.query(normalize)).rowCount === 0) return applied;
  }
}

/** Memory for sorting a batch on the server; larger sorts use the disk. A million prices need about this much. */
const WORK_MEM = "64MB";
/** Rows or bytes after which a COPY ends. Between two COPY statements, the rows staged so far can be checked. */
const SLICE_ROWS = 100_000;
const SLICE_BYTES = 64 * 1024 * 1024;

/** Bytes of blank lines, or of one endless record, after which reading fails: a few MB can unpack to several GB. */
export const MAX_BYTES_WITHOUT_ROW = 16 * MAX_RECORD_BYTES;

interface StagedBatch {
  rows: number;
  bytes: number;
  badRows: number;
  lastLine: number;
  stopped: StopReason | undefined;
}

async function stageBatch(
  client: pg.ClientBase,
  { target, content, limits, signal, onProgress, onCopy }: Batch,
): Promise<StagedBatch> {
  const table = TARGETS[target];
  const names = table.columns.map((column) => column.name);
  await client.query(
    `create temp table batch (${names.map((name) => `${name} text collate "C"`).join(", ")}, line bigint not null, problem text) on commit drop;
     set local work_mem = '${WORK_MEM}'`,
  );
  const sink = new Sink(names.length, limits);
  let bytes = 0;
  let columns = names;
  const counted = async function* (source: AsyncIterable<Buffer>, format: "csv" | "ndjson") {
    let withoutRow = 0;
    for await (const chunk of source) {
      const before = sink.rows;
      bytes += chunk.length;
      yield chunk;
      onProgress({ rows: sink.rows, bytes });
      withoutRow = sink.rows > before ? 0 : withoutRow + chunk.length;
      if (withoutRow > MAX_BYTES_WITHOUT_ROW)
        throw new JobError("InvalidFormat", {
          format: format.toUpperCase(),
          reason: `after line ${sink.lastLine} it has ${MAX_BYTES_WITHOUT_ROW} bytes without a row: blank lines, or a line or quote that does not end. Remove them.`,
        });
    }
  };
  const text = (format: "csv" | "ndjson", source: AsyncIterable<Buffer>) =>
    textOf(counted(source, format), format, target);
  const records =
    "items" in content
      ? inlineRecords(content.items, table, sink)
      : content.format === "csv"
        ? csvRecords(text("csv", content.bytes), table, target, sink, (headerColumns) => {
            columns = headerColumns;
          })
        : ndjsonRecords(text("ndjson", content.bytes), table, sink);
  try {
    // The header decides the order of the columns, so the first rows are read before COPY begins.
    let next = await records.next();
    onCopy();
    const checks = new StagingChecks(client, table, sink, limits.maxBadRows);
    let copied = 0;
    while (!next.done) {
      const rows = Readable.from(slice(next.value, records, sink), { objectMode: false, highWaterMark: 1024 * 1024 });
      const copy = client.query(
        copyFrom(`copy batch (${[...columns, "line", "problem"].join(", ")}) from stdin (format csv)`),
      );
      await pipeline(rows, copy, { signal }).catch((error) => {
        // Postgres reports an aborted COPY as a cancelled statement; the signal has the reason.
        throw signal.aborted ? signal.reason : error;
      });
      copied += copy.rowCount;
      const line = sink.lastLine;
      // A stopped sink still yields the rows that it accepted before. A complete batch is checked later, as a whole.
      next = await records.next();
      if (!next.done && !sink.stopped) await checks.run(copied, line);
    }
    if (copied !== sink.rows)
      throw new JobError("Internal", { reason: `${sink.rows} rows were sent to COPY, which stored ${copied}` });
  } finally {
    await records.return(undefined);
  }
  onProgress({ rows: sink.rows, bytes });
  const { rows, badRows, lastLine, stopped } = sink;
  return { rows, bytes, badRows, lastLine, stopped };
}

/** Yields `first` and the records after it, until a slice is full or the records end. */
async function* slice(first: Buffer, records: AsyncGenerator<Buffer>, sink: Sink): AsyncGenerator<Buffer> {
  const lastRow = sink.rows + SLICE_ROWS;
  const lastByte = sink.bytes + SLICE_BYTES;
  yield first;
  while (sink.rows < lastRow && sink.bytes < lastByte && !sink.stopped) {
    const next = await records.next();
    if (next.done) return;
    yield next.value;
  }
}
