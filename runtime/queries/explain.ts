import type pg from "pg";
import type { Static } from "typebox";
import { JobError } from "../contract/errors.ts";
import type { QueryTask, SqlTask, StatementTask } from "../contract/request.ts";
import { pool } from "../platform/postgres.ts";
import type { Database } from "../store/jobs.ts";
import { bindParams, findQuery, findStatement } from "./catalogue.ts";
import { checkSql } from "./sql/parser.ts";

export type ReadTask = Static<typeof QueryTask> | Static<typeof SqlTask>;

/** The planner's estimates for a read, from the tables' statistics. */
export interface Estimate {
  /** Output of EXPLAIN (FORMAT JSON); its beginning as text if it is longer than MAX_PLAN_LENGTH. */
  plan: object | string;
  /** Planner's cost units. */
  cost: number;
  rows: number;
  /** Bytes of the rows in Postgres; about the size of an uncompressed result. */
  bytes: number;
}

/**
 * Returns the statement of a read: the named query with its parameters as typed, escaped literals, or the caller's
 * checked SQL.
 * @throws JobError InvalidSql or NotOneStatement if the caller's SQL is refused
 */
export const statementOf = async (task: ReadTask, tenant: string): Promise<string> => {
  if ("sql" in task) return checkSql(task.sql, tenant);
  const query = findQuery(task.query);
  if (!query) throw new JobError("InvalidSql", { reason: `there is no query '${task.query}' in this version.` });
  return bindParams(query, task.params);
};

/** The beginning of a statement that deletes rows of one table; its condition follows. */
const DELETE = /^delete from (public\.\w+) where /;

/** A read of the rows that a statement deletes; undefined for a statement that does something else. */
export function rowsDeletedBy({ statement: name, params }: Static<typeof StatementTask>): string | undefined {
  const statement = findStatement(name);
  if (!statement) return undefined;
  const sql = bindParams(statement, params);
  return DELETE.test(sql) ? sql.replace(DELETE, "select * from $1 where ") : undefined;
}

/** Time limit of planning, which usually takes a few milliseconds. */
const PLANNING_TIMEOUT_MS = 2_000;
/** Longest plan that an estimate contains in full. Characters. */
const MAX_PLAN_LENGTH = 16_384;

/**
 * Connections that plan reads, of the role job_reader_plan: it has the rights of readers, and nothing else in the
 * process uses these connections.
 * @param max maximum number of connections
 */
export const planningPool = (max: number, options: pg.PoolConfig = {}): pg.Pool =>
  pool("job_reader_plan", max, { statement_timeout: PLANNING_TIMEOUT_MS, ...options });

/**
 * Plans a read without running it, with an answer of bounded size.
 * @param plans a pool of planningPool
 * @param sql a statement of statementOf
 * @throws JobError NotOneStatement; Postgres's error if the read cannot be planned
 */
export async function estimate(plans: Database, sql: string): Promise<Estimate> {
  const { rows } = await plans.query("select * from public.plan_of($1, $2)", [sql, MAX_PLAN_LENGTH]).catch((error) => {
    throw multipleStatements(error) ?? planningTimeout(error) ?? withLocation(error, sql);
  });
  const { rows: expected, width, cost, plan, is_whole } = rows[0];
  return { plan: is_whole ? JSON.parse(plan) : plan, cost, rows: expected, bytes: expected * width };
}

/**
 * Plans several reads in one call.
 * @returns the bytes that each is expected to have; undefined for one that cannot be planned
 */
export async function estimateBytes(plans: Database, statements: readonly string[]): Promise<(number | undefined)[]> {
  const { rows } = await plans.query("select * from public.bytes_of_plans($1) as bytes", [statements]);
  return rows.map(({ bytes }) => bytes ?? undefined);
}

/**
 * Plans reads one by one, after planning them together took too long: a slow read must not affect the others, nor delay
 * other callers. Reads that remain when the time is over have no estimate.
 */
export async function estimateEach(plans: Database, statements: readonly string[]): Promise<(number | undefined)[]> {
  const end = performance.now() + PLANNING_TIMEOUT_MS;
  const bytes: (number | undefined)[] = [];
  for (const sql of statements)
    bytes.push(performance.now() < end ? (await estimateBytes(plans, [sql]).catch(() => []))[0] : undefined);
  return bytes;
}

/** Error of the server in node-postgres; positions count characters from 1. */
type ServerError = Error & {
  code?: string;
  hint?: string;
  position?: string;
  internalPosition?: string;
  internalQuery?: string;
};

const EXPLAIN = "explain (format json) ";

/** Adds the position in the caller's SQL and the server's hint to an error's message. */
function withLocation<T extends ServerError>(error: T, sql: string): T {
  const { position, internalPosition, internalQuery, hint } = error;
  // The server got a longer text, which ends with the SQL.
  const before = internalQuery === undefined ? EXPLAIN.length : [...internalQuery].length - [...sql].length;
  const at = Number(internalPosition ?? position) - before;
  const lines = at >= 1 ? [...sql].slice(0, at).join("").split("\n") : [];
  const last = lines.at(-1);
  const place = last === undefined ? "" : ` (line ${lines.length}, column ${[...last].length})`;
  error.message = `${error.message}${place}${hint ? `. ${hint}` : ""}`;
  return error;
}

/** Converts 57014: evaluating constants of the read takes too long, which is the caller's error. */
const planningTimeout = (error: { code?: string }): JobError | undefined =>
  error.code === "57014"
    ? new JobError(
        "InvalidSql",
        {
          reason: `it could not be planned within ${PLANNING_TIMEOUT_MS / 1_000} seconds. Simplify its constants and patterns.`,
        },
        { cause: error },
      )
    : undefined;

/** Converts 42P11: the server opens a cursor for one statement only. */
const multipleStatements = (error: { code?: string; message: string }): JobError | undefined =>
  error.code === "42P11" ? new JobError("NotOneStatement", { reason: error.message }, { cause: error }) : undefined;

/** Statement that plans a read without running it. */
export const explainStatement = (sql: string): string => `${EXPLAIN}${sql}`;

/** Rows that the planner expects, from the result of {@link explainStatement}. */
export const expectedRows = (plan: string): number => JSON.parse(plan)[0].Plan["Plan Rows"];

/**
 * Error of a read that {@link explainStatement} could not plan when sent by the extended protocol, which refuses
 * several statements: the options of EXPLAIN before the SQL keep it from adding its own.
 *
 * @returns JobError NotOneStatement or InvalidSql if the server cannot parse it; its other errors unchanged
 */
export function planningError(error: unknown, sql: string): unknown {
  const { code, message } = withLocation(error as ServerError, sql);
  if (code !== "42601") return error;
  return new JobError(
    /multiple commands/.test(message) ? "NotOneStatement" : "InvalidSql",
    { reason: message },
    { cause: error },
  );
}
