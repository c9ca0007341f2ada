import { Readable } from "node:stream";
import { explain, type ReadTask } from "../queries/explain.ts";
import { CopyOut } from "./copyOut.ts";
import { copyStatement } from "./copyStatement.ts";
import { type Output, type OutputOptions, storeResult } from "./output.ts";
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
  /** The session is in mid-statement and of no further use. */
  discard(): void;
  onProgress(progress: { rows: number; bytes: number; estimatedRows?: number }): void;
}

/**
 * Runs a read in a read-only transaction of the role job_reader and keeps its result: COPY straight from the server to
 * the result, in constant memory.
 */
export async function read(task: ReadTask, context: ReadContext): Promise<Output & { rows: number }> {
  const { client } = context.session;
  const { sql } = context;
  context.onBegin();
  await client.query(
    `begin transaction read only; set local statement_timeout = ${Math.ceil(context.timeoutSeconds * 1000)}`,
  );
  let copying = false;
  try {
    // COPY takes no parameters and wraps its query in parentheses, which raw SQL could close.
    if ("sql" in task) context.onProgress({ rows: 0, bytes: 0, estimatedRows: (await explain(client, sql)).rows });
    const statement = await copyStatement(client, sql, task.format);
    context.onCopy();
    const copy = client.query(new CopyOut(statement));
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
    await client.query("sql" in task ? RESET_AND_COMMIT : "commit");
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
 * Resets settings and locks that caller-supplied SQL left in this session. DISCARD ALL may not run in a transaction, so
 * its parts are used (Postgres documentation, DISCARD): together with the commit they are one round trip.
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
