import { expectedRows, explainStatement, planningError, type ReadTask } from "../queries/explain.ts";
import type { Progress } from "../store/jobs.ts";
import { CopyOut } from "./copyOut.ts";
import { copyStatement, requireColumns } from "./copyStatement.ts";
import { constantStatements, Statements } from "./messages.ts";
import { type Output, type OutputOptions, storeResult } from "./output.ts";
import { Pipeline, type PipelineResults } from "./pipeline.ts";
import type { Session } from "./sessions.ts";

/** Dependencies and callbacks of a read. */
export interface ReadContext {
  /** Query to run, which was stored with the job when it was accepted. */
  sql: string;
  session: Session;
  timeoutSeconds: number;
  signal: AbortSignal;
  output: Omit<OutputOptions, "format" | "compression">;
  onBegin(): void;
  onCopy(): void;
  /** Discards the session, which is still running a statement or has unknown settings. */
  discard(): void;
  /** Receives the function that returns the current progress, when the COPY is sent. */
  onProgress(current: () => Progress): void;
}

/**
 * Runs a read in a read-only transaction and stores its result, which COPY streams from the server in constant memory.
 * A caller's SQL is planned first, which proves that it is one statement: COPY contains its query as text in
 * parentheses, which several statements could close. If planning fails, no later statement runs.
 *
 * The COPY statement for CSV depends on the columns, so a round trip before it reads them.
 *
 * @throws JobError NotOneStatement or InvalidSql; the server's other errors unchanged
 */
export async function read(task: ReadTask, context: ReadContext): Promise<Output & { rows: number }> {
  const { sql, session } = context;
  const { client } = session;
  const isFromCaller = "sql" in task;
  const { format, compression } = task;
  const headerRows = format === "csv" ? 1 : 0;
  context.onBegin();
  let running: Pipeline | CopyOut | undefined;
  let copy: CopyOut | undefined;
  try {
    let before: Statements | undefined = openingStatements(sql, context.timeoutSeconds, isFromCaller);
    let names: string[] = [];
    let plan: string | null | undefined;
    const onBegun = (results: PipelineResults) => {
      names = results.names;
      plan = results.rows[0]?.[0];
      requireColumns(names, format);
    };
    if (format === "csv") {
      const pipeline = new Pipeline(before);
      running = pipeline;
      await client.query(pipeline);
      onBegun(await pipeline.results);
      before = undefined;
    }
    const opening = before === undefined ? {} : { before, onBegun };
    context.onCopy();
    copy = new CopyOut({
      ...opening,
      copy: copyStatement(names, sql, format),
      after: isFromCaller ? RESET_AND_COMMIT : COMMIT,
      isArray: format === "json",
    });
    if (before) running = copy;
    const copyOut = copy;
    await client.query(copy);
    context.onProgress(() => ({
      rows: Math.max(0, copyOut.rows - headerRows),
      bytes: copyOut.bytes,
      ...(plan ? { estimatedRows: expectedRows(plan) } : {}),
    }));
    const output = await storeResult(copy, { ...context.output, format, compression }, context.signal);
    await copy.results;
    return { ...output, rows: copy.rows - headerRows };
  } catch (error) {
    // If the COPY was stopped, the connection cannot be reused: rows may still arrive.
    if (copy?.isUnderway) context.discard();
    else {
      await client.query("rollback").catch(() => undefined);
      if (isFromCaller) await client.query("discard all").catch(() => context.discard());
    }
    // Only BEGIN and SET have completed: the EXPLAIN failed.
    throw isFromCaller && running?.completed === OPENING.texts.length + 1 ? planningError(error, sql) : error;
  }
}

/** Begins the transaction, plans a caller's SQL and describes the columns. */
const openingStatements = (sql: string, timeoutSeconds: number, isFromCaller: boolean): Statements => {
  const statements = new Statements().append(OPENING);
  statements.execute(`set local statement_timeout = ${Math.ceil(timeoutSeconds * 1000)}`);
  return (isFromCaller ? statements.execute(explainStatement(sql)) : statements).describe(sql);
};
const OPENING = constantStatements(["begin transaction read only"]);
const COMMIT = constantStatements(["commit"]);

/**
 * Resets settings and locks that caller-supplied SQL left in this session. DISCARD ALL may not run in a transaction, so
 * its parts are used (Postgres documentation, DISCARD): they run after the COPY, in the same round trip.
 */
const RESET_AND_COMMIT = constantStatements([
  "close all",
  "set session authorization default",
  "reset all",
  "deallocate all",
  "unlisten *",
  "select pg_advisory_unlock_all()",
  "discard plans",
  "discard temp",
  "discard sequences",
  "commit",
]);
