import type pg from "pg";
import type { Static } from "typebox";
import { JobError } from "./errors.ts";
import { bindParams, queryNamed } from "./queries.ts";
import type { QueryTask, SqlTask } from "./request.ts";

export type ReadTask = Static<typeof QueryTask> | Static<typeof SqlTask>;

/** What the planner expects of a read; estimates, from the tables' statistics. */
export interface Estimate {
  /** As EXPLAIN (FORMAT JSON) has it. */
  plan: object;
  rows: number;
  /** Of the rows as Postgres keeps them; a result is about as large, uncompressed. */
  bytes: number;
}

/** The SQL of a read: the named query with its parameters as typed, escaped literals, or the caller's own. */
export const sqlOf = (task: ReadTask): string => {
  if ("sql" in task) return task.sql.replace(/[\s;]+$/, "");
  const query = queryNamed(task.query);
  if (!query) throw new JobError("InvalidSql", { reason: `there is no query '${task.query}' in this version.` });
  return bindParams(query, task.params);
};

/** Planning takes milliseconds; what takes longer is no question to wait for. */
const PLANNING_MS = 5_000;

/**
 * Plans a read as the role that would run it: what that may not read fails here as it would there. The connections' own
 * role has to be a member of job_reader.
 */
export async function estimate(db: pg.Pool, task: ReadTask): Promise<Estimate> {
  const sql = sqlOf(task);
  const client = await db.connect();
  let broken = true;
  try {
    await client.query(`begin read only; set local role job_reader; set local statement_timeout = ${PLANNING_MS}`);
    try {
      return await explain(client, sql);
    } finally {
      await client.query("rollback");
      broken = false;
    }
  } finally {
    client.release(broken);
  }
}

/**
 * Plans a read without running it, and so proves that it is one statement: the extended protocol refuses several, and the
 * EXPLAIN whose options stand in front of the SQL keeps it from bringing its own.
 * @throws JobError NotOneStatement or InvalidSql where the server cannot parse it; its other errors as they are
 */
export async function explain(client: pg.ClientBase, sql: string): Promise<Estimate> {
  try {
    const { rows } = await client.query({ text: `explain (format json) ${sql}`, queryMode: "extended" } as {
      text: string;
    });
    const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
    return { plan, rows: plan["Plan Rows"], bytes: plan["Plan Rows"] * plan["Plan Width"] };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === "42601")
      throw new JobError(
        /multiple commands/.test(message) ? "NotOneStatement" : "InvalidSql",
        { reason: message },
        { cause: error },
      );
    throw error;
  }
}
