import { Readable } from "node:stream";
import { expectedRows, explainStatement, planningError, type ReadTask } from "../queries/explain.ts";
import { CopyOut } from "./copyOut.ts";
import { copyStatement, describeStatement } from "./copyStatement.ts";
import { type Output, type OutputOptions, storeResult } from "./output.ts";
import { Pipeline } from "./pipeline.ts";
import type { Session } from "./sessions.ts";

/** Dependencies and progress callbacks of a read. */
export interface ReadContext {
  /** Query to run; the job stores it at acceptance. */
  sql: string;
  session: Session;
  timeoutSeconds: number;
  signal: AbortSignal;
  output: Omit<OutputOptions, "format" | "compression">;
  onBegin(): void;
  onCopy(): void;
  /** Discards the session, which is in the middle of a statement or has unknown settings. */
  discard(): void;
  onProgress(progress: { rows: number; bytes: number; estimatedRows?: number }): void;
}

/**
 * Runs a read in a read-only transaction and stores its result, which COPY streams from the server in constant memory.
 */
export async function read(task: ReadTask, context: ReadContext): Promise<Output & { rows: number }> {
  const { client } = context.session;
  const { sql } = context;
  context.onBegin();
  let copying = false;
  try {
    const { names, estimatedRows } = await begin(client, sql, context.timeoutSeconds, "sql" in task);
    if (estimatedRows !== undefined) context.onProgress({ rows: 0, bytes: 0, estimatedRows });
    const statement = copyStatement(names, sql, task.format);
    context.onCopy();
    const copy = client.query(new CopyOut(statement, "sql" in task ? RESET_AND_COMMIT : "commit"));
    copying = true;
    copy.once("end", () => {
      copying = false;
    });
    // A server's error ends the statement; anything else leaves the connection in the middle of its rows.
    copy.once("error", (error: { code?: string; severity?: string }) => {
      if (error.severity !== undefined) copying = false;
    });
    const header = task.format === "csv" ? 1 : 0;
    const progress = setInterval(
      () => context.onProgress({ rows: Math.max(0, copy.rows - header), bytes: copy.bytes }),
      PROGRESS_MS,
    );
    const source = task.format === "json" ? Readable.from(array(copy), { objectMode: false }) : copy;
    const options = { ...context.output, format: task.format, compression: task.compression };
    const output = await storeResult(source, options, context.signal).finally(() => clearInterval(progress));
    await copy.settled;
    return { ...output, rows: copy.rows - header };
  } catch (error) {
    // After stopping in the middle of a COPY the connection cannot be reused: its rows are still to come.
    if (copying) context.discard();
    else {
      await client.query("rollback").catch(() => undefined);
      if ("sql" in task) await client.query("discard all").catch(() => context.discard());
    }
    throw error;
  }
}

/**
 * Begins a read's transaction and returns the names of its columns, in one round trip.
 * @param isFromCaller true for a caller's SQL: COPY takes no parameters and wraps its query in parentheses, which that
 * could close. It is planned first, which proves that it is one statement: nothing after it runs if it is not.
 * @throws JobError NotOneStatement or InvalidSql; the server's other errors unchanged
 */
async function begin(
  client: Session["client"],
  sql: string,
  timeoutSeconds: number,
  isFromCaller: boolean,
): Promise<{ names: string[]; estimatedRows?: number }> {
  const opening = ["begin transaction read only", `set local statement_timeout = ${Math.ceil(timeoutSeconds * 1000)}`];
  const pipeline = new Pipeline([...opening, ...(isFromCaller ? [explainStatement(sql)] : []), describeStatement(sql)]);
  try {
    await client.query(pipeline);
    const results = await pipeline.results;
    const names = results.at(-1)?.names ?? [];
    const plan = isFromCaller ? results[opening.length]?.rows[0]?.[0] : undefined;
    return { names, ...(plan ? { estimatedRows: expectedRows(plan) } : {}) };
  } catch (error) {
    throw isFromCaller && pipeline.completed === opening.length ? planningError(error, sql) : error;
  }
}

/**
 * Resets settings and locks that caller-supplied SQL left in this session. DISCARD ALL may not run in a transaction, so
 * its parts are used (Postgres documentation, DISCARD): they run behind the COPY, in the same round trip.
 */
const RESET_AND_COMMIT = `close all; set session authorization default; reset all; deallocate all; unlisten *;
  select pg_advisory_unlock_all(); discard plans; discard temp; discard sequences; commit`;

/** Interval of a read's progress reports. */
const PROGRESS_MS = 250;

/** Rows that begin with a comma, as one JSON array. */
async function* array(rows: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let first = true;
  for await (const chunk of rows) {
    if (first) chunk[0] = 0x5b; // [
    first = false;
    yield chunk;
  }
  yield Buffer.from(first ? "[]" : "]");
}
