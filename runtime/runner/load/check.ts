import type { Readable } from "node:stream";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { FORMULA_START, PLAIN_NUMBER } from "../../contract/formula.ts";
import { escapedInSql } from "./invisible.ts";
import { MISSING } from "./records.ts";
import { MAX_SHOWN_VALUE, type Sink } from "./sink.ts";
import type { Column, TargetTable } from "./targets.ts";

/** A bad row as the contract reports it; `line` is the item's number for inline items. */
export interface BadRow {
  line: number;
  column: string | null;
  value: string | null;
  reason: string;
}

/** The bad rows of a staged batch. */
export interface BadRows {
  /** Number of bad rows; a row with two problems counts once. */
  rows: number;
  /** Number of problems in the whole report. */
  problemCount: number;
  /** The first problems, by line. */
  first: BadRow[];
  /** There are more bad rows than the maximum: those beyond it are not listed. */
  truncated: boolean;
  /** Streams the whole report from the server as CSV (line,column,value,reason), in constant memory. */
  report(): Readable;
}

/** SQL expression: a text as a cell of the report, as `markFormula` writes it in reports without a file. */
const asCell = (text: string): string =>
  `case when ${text} ~ '${FORMULA_START.source}' and ${text} !~ '${PLAIN_NUMBER.source}' then '''' || ${text} else ${text} end`;

const BY_LINE = "order by line, name nulls first, reason";

/**
 * Finds all faults of all rows of the temporary table `batch`, set-wise, with expressions that raise no error for any
 * text. They are stored in the temporary table `faults`, so that a million of them take no memory in this process.
 */
export async function findBadRows(
  client: pg.ClientBase,
  table: TargetTable,
  { limit, maxBadRows }: { limit: number; maxBadRows: number },
): Promise<BadRows> {
  await table.prepare?.(client);
  await client.query("analyze batch");
  await client.query(`create temp table faults on commit drop as ${faultsSql(table)}`);
  const { rowCount: removed } = await client.query(
    `delete from faults where line > (select line from faults group by line order by line offset ${maxBadRows - 1} limit 1)`,
  );
  const { rows: counts } = await client.query<{ rows: number; faults: number }>(
    "select count(distinct line)::float8 as rows, count(*)::float8 as faults from faults",
  );
  const { rows: first } = await client.query<BadRow>(
    `select line::float8, name as "column", value, reason from faults ${BY_LINE} limit $1`,
    [limit],
  );
  return {
    rows: counts[0]?.rows ?? 0,
    problemCount: counts[0]?.faults ?? 0,
    first,
    truncated: (removed ?? 0) > 0,
    report: () =>
      client.query(
        copyTo(
          `copy (select line, ${asCell("name")} as "column", ${asCell("value")} as value, reason from faults ${BY_LINE}) to stdout (format csv, header true)`,
        ),
      ),
  };
}

/**
 * Adds a last row to the report, after `findBadRows`: that reading stopped, and why.
 * @param line the last line that was read
 */
export const addToReport = (client: pg.ClientBase, line: number, reason: string) =>
  client.query("insert into faults (line, name, value, reason) values ($1, null, null, $2)", [line + 1, reason]);

/** Part of the staged batch: rows in pages from `page` on, after `line`. */
interface Since {
  page: number;
  line: number;
}

/** Pages of the staged batch so far; the last one may take further rows. */
async function stagedPages(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ pages: number }>(
    "select (pg_relation_size('batch') / current_setting('block_size')::bigint)::float8 as pages",
  );
  return rows[0]?.pages ?? 0;
}

/**
 * Checks a batch while it is staged, so that a batch of bad rows does not fill the database. All these checks together
 * cost as much as one check of the whole batch, or two if the validity of a row depends on other rows.
 */
export class StagingChecks {
  readonly #client: pg.ClientBase;
  readonly #table: TargetTable;
  readonly #sink: Sink;
  readonly #maxBadRows: number;
  #since: Since = { page: 0, line: 0 };
  #bad = 0;
  #dueAt = 0;

  constructor(client: pg.ClientBase, table: TargetTable, sink: Sink, maxBadRows: number) {
    this.#client = client;
    this.#table = table;
    this.#sink = sink;
    this.#maxBadRows = maxBadRows;
  }

  /**
   * Checks the rows staged so far if a check is due, and stops the sink if too many of them are bad.
   * @param rows number of rows staged so far
   * @param line line of the last one
   */
  async run(rows: number, line: number): Promise<void> {
    if (rows < this.#dueAt) return;
    const bad = await countBadRows(this.#client, this.#table, this.#since, this.#maxBadRows);
    if (this.#table.checksRowsIndependently) {
      this.#bad += bad;
      this.#since = { page: Math.max(0, (await stagedPages(this.#client)) - 1), line };
    } else {
      this.#bad = bad;
      this.#dueAt = rows * 2;
    }
    this.#sink.setBadInDatabase(this.#bad);
  }
}

/** Counts well-formed rows with invalid values, up to one more than the maximum. */
async function countBadRows(
  client: pg.ClientBase,
  table: TargetTable,
  since: Since,
  maxBadRows: number,
): Promise<number> {
  const { columns, with: ctes, joins, accepted = "false" } = table;
  const isInvalid = columns.map((column) => `(${invalidReason(column)}) is not null`).join(" or ");
  await client.query("savepoint counting");
  await table.prepare?.(client);
  await client.query("set local enable_nestloop = off; set local enable_mergejoin = off");
  const { rows } = await client.query<{ bad: number }>(
    `${ctes ? `with ${ctes}` : ""} select count(*)::float8 as bad from (
       select from batch b ${joins}
       where b.ctid >= '(${since.page},0)' and b.line > ${since.line} and b.problem is null
         and case when ${accepted} then false else ${isInvalid} end
       limit ${maxBadRows + 1}) bad`,
  );
  await client.query("rollback to savepoint counting; release savepoint counting");
  return rows[0]?.bad ?? 0;
}

/** SQL for all problems: those found before a row reached the database, and those of well-formed values. */
const faultsSql = ({ columns, with: ctes, joins }: TargetTable): string => `
  ${ctes ? `with ${ctes}` : ""}
  select b.line, p."column" as name, p.value, p.reason
  from batch b cross join lateral json_to_recordset(b.problem::json) as p("column" text, value text, reason text)
  where b.problem is not null
  ${columns.map((column) => `union all ${columnFaultsSql(column, joins)}`).join("\n")}`;

/** One query per column: joining each row to a list of the columns (VALUES) takes five times as long. */
const columnFaultsSql = (column: Column, joins: string): string => `
  select line, '${column.name}', ${escapedInSql("shown")}, reason
  from (
    select b.line, ${invalidReason(column)} as reason,
      case when length(b.${column.name}) > ${MAX_SHOWN_VALUE} then left(b.${column.name}, ${MAX_SHOWN_VALUE}) || '…' else b.${column.name} end as shown
    from batch b ${joins}
    offset 0 -- judges each value once
  ) judged
  where reason is not null`;

/** SQL expression for the reason why a column's value is invalid, or null. */
const invalidReason = ({ name, optional, reason }: Column): string => `case
  when b.${name} is not null and b.${name} <> '' then ${reason}
  when b.problem is null then ${optional ? "null" : `'${MISSING}'`} end`;
