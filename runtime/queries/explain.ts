import type pg from "pg";
import type { Static } from "typebox";
import { JobError } from "../contract/errors.ts";
import type { QueryTask, SqlTask, StatementTask } from "../contract/request.ts";
import { pool } from "../platform/postgres.ts";
import type { Database } from "../store/jobs.ts";
import { bindParams, findQuery, findStatement } from "./catalogue.ts";
import { checkSql } from "./sql/parser.ts";

/** A read with a named query or raw SQL. */
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
 * @throws JobError InvalidSql or NotOneStatement if the caller's SQL is refused; InvalidSql if there is no such query;
 *   InvalidRequest if the parameters are invalid; Busy if too much SQL waits to be checked
 */
export const statementOf = async (task: ReadTask, tenant: string): Promise<string> => {
  if ("sql" in task) return checkSql(task.sql, tenant);
  const query = findQuery(task.query);
  if (!query) throw new JobError("InvalidSql", { reason: `there is no query '${task.query}' in this version.` });
  return bindParams(query, task.params);
};

/** Matches the beginning of a statement that deletes rows of one table; its condition follows. */
const DELETE = /^delete from (public\.\w+) where /;

/** Returns a read of the rows that a statement deletes, or undefined for any other statement. */
export function rowsDeletedBy({ statement: name, params }: Static<typeof StatementTask>): string | undefined {
  const statement = findStatement(name);
  if (!statement) return undefined;
  const sql = bindParams(statement, params);
  return DELETE.test(sql) ? sql.replace(DELETE, "select * from $1 where ") : undefined;
}

/** Time limit of planning, which usually takes a few milliseconds. */
const PLANNING_TIMEOUT_MS = 2_000;
/** Maximum length of a plan that an estimate contains in full, in characters. */
const MAX_PLAN_LENGTH = 16_384;

/**
 * Creates the pool of connections that plan reads. Their role, job_reader_plan, has the privileges of readers, and nothing
 * else in the process uses them.
 * @param max maximum number of connections
 */
export const planningPool = (max: number, options: pg.PoolConfig = {}): pg.Pool =>
  pool("job_reader_plan", max, { statement_timeout: PLANNING_TIMEOUT_MS, ...options });

/**
 * Plans a read without running it. The result has a bounded size.
 * @param plans a pool from planningPool
 * @param sql a statement from statementOf
 * @throws JobError NotOneStatement, or InvalidSql if planning takes too long; otherwise Postgres's error
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
 * @returns the expected bytes of each result; undefined for a read that cannot be planned
 */
export async function estimateBytes(plans: Database, statements: readonly string[]): Promise<(number | undefined)[]> {
  const { rows } = await plans.query("select * from public.bytes_of_plans($1) as bytes", [statements]);
  return rows.map(({ bytes }) => bytes ?? undefined);
}

/**
 * Plans reads one by one after planning them together took too long, so that a slow read does not affect the others.
 * Reads that remain after PLANNING_TIMEOUT_MS have no estimate, so that other callers are not delayed.
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
  // The server received a longer text, which ends with the SQL.
  const prefixLength = internalQuery === undefined ? EXPLAIN.length : [...internalQuery].length - [...sql].length;
  const at = Number(internalPosition ?? position) - prefixLength;
  const lines = at >= 1 ? [...sql].slice(0, at).join("").split("\n") : [];
  const lastLine = lines.at(-1);
  const place = lastLine === undefined ? "" : ` (line ${lines.length}, column ${[...lastLine].length})`;
  error.message = `${error.message}${place}${hint ? `. ${hint}` : ""}`;
  return error;
}

/** Converts 57014 (query_canceled): evaluating the constants of the read took too long, which is the caller's error. */
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

/** Converts 42P11 (invalid_cursor_definition): the server opens a cursor only for a single statement. */
const multipleStatements = (error: { code?: string; message: string }): JobError | undefined =>
  error.code === "42P11" ? new JobError("NotOneStatement", { reason: error.message }, { cause: error }) : undefined;

/** Returns the statement that plans a read without running it. */
export const explainStatement = (sql: string): string => `${EXPLAIN}${sql}`;

/** Returns the number of rows that the planner expects, from the result of {@link explainStatement}. */
export const expectedRows = (plan: string): number => JSON.parse(plan)[0].Plan["Plan Rows"];

/**
 * Converts the error of a read that {@link explainStatement} could not plan. The statement must be sent by the extended
 * protocol, which refuses several statements. EXPLAIN has its options before the SQL, so the SQL cannot add options.
 *
 * @returns JobError NotOneStatement or InvalidSql if the server cannot parse the SQL; any other error unchanged
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
