import type pg from "pg";
import type { Role } from "../../platform/postgres.ts";
import { backendOf } from "../../store/backend.ts";
import { accept, claim, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { type jobDatabase, newJob, testPlan } from "../../testing/jobs.ts";

type Database = Awaited<ReturnType<typeof jobDatabase>>;

/** A statement that a released version sends: the role that executes it, its parameters and its result columns. */
export interface Statement {
  readonly role: string;
  readonly text: string;
  readonly parameters: readonly string[];
  /** Name and type of each result column. */
  readonly columns: readonly string[];
}

/** The statements and keys of the job store that a version of the code uses. */
export interface DatabaseCalls {
  readonly statements: readonly Statement[];
  /** Keys of a claimed job, and of its document. */
  readonly claimed: readonly string[];
  readonly document: readonly string[];
}

/**
 * Describes a statement with the current schema.
 *
 * @throws Postgres's own error if the schema no longer accepts the statement
 */
export async function describeStatement({ as }: Database, role: string, text: string): Promise<Statement> {
  const client = await as(role as Role);
  try {
    await client.query(`prepare statement as ${text}`);
    const { rows } = await client.query(
      "select parameter_types::text[] as parameters from pg_prepared_statements where name = 'statement'",
    );
    const parameters: string[] = rows[0].parameters;
    return { role, text, parameters, columns: await columnsOf(client, text, parameters.length) };
  } finally {
    await client.end();
  }
}

/**
 * Returns the result columns of a statement. The server describes them before it executes the statement, so it does not
 * matter that the execution may fail because all parameters are null.
 */
async function columnsOf(client: pg.Client, text: string, parameters: number): Promise<string[]> {
  let fields: { name: string; dataTypeID: number }[] = [];
  const { connection } = client as unknown as {
    connection: {
      on(name: string, listener: (message: { fields: typeof fields }) => void): void;
      removeAllListeners(name: string): void;
    };
  };
  await client.query("begin");
  const onRowDescription = (message: { fields: typeof fields }) => {
    fields = message.fields;
  };
  connection.on("rowDescription", onRowDescription);
  await client.query(text, Array(parameters).fill(null)).catch(() => undefined);
  const columns = fields;
  await client.query("rollback");
  const { rows } = await client.query(
    "select format_type(oid, null) as name from unnest($1::oid[]) with ordinality o(oid, n) order by n",
    [columns.map(({ dataTypeID }) => dataTypeID)],
  );
  return columns.map(({ name }, index) => `${name} ${rows[index].name}`);
}

/** Returns the current keys of a claimed job and of its document. */
export async function currentKeys({ as, admin }: Database): Promise<Pick<DatabaseCalls, "claimed" | "document">> {
  const [dispatcher, keeper] = await Promise.all([as("dispatcher"), as("job_keeper")]);
  await accept(dispatcher, [newJob("job")]);
  const [run = ""] = await planRuns(dispatcher, testPlan("glue", 1));
  await runStarted(keeper, run);
  const job = await claim(keeper, run, await backendOf(keeper), undefined);
  const { rows } = await admin.query("select document from jobs.documents");
  return { claimed: Object.keys(job ?? {}).sort(), document: Object.keys(rows[0].document).sort() };
}
