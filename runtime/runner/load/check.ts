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

/** The bad rows of a staged batch, up to a maximum. */
export interface BadRows {
  /** Number of bad rows, at most the maximum; a row with two problems counts once. */
  rows: number;
  /** Number of problems in the whole report. */
  problemCount: number;
  /** The first problems, by line. */
  first: BadRow[];
  /** True if there are more bad rows than the maximum; only the first ones are listed. */
  isTruncated: boolean;
  /** Streams the whole report from the server as CSV (line,column,value,reason), in constant memory. */
  report(): Readable;
}

/** Returns SQL for a text as a cell of the report, as `markFormula` writes it in the API's short reports. */
const asCell = (text: string): string =>
  `case when ${text} ~ '${FORMULA_START.source}' and ${text} !~ '${PLAIN_NUMBER.source}' then '''' || ${text} else ${text} end`;

const BY_LINE = "order by line, name nulls first, reason";

/**
 * Finds the first bad rows of the temporary table `batch` and all their problems, with set-based statements that raise
 * no error for any text. Stores the problems in the temporary table `faults`, so that a million of them take no memory
 * in this process.
 */
export async function findBadRows(
  client: pg.ClientBase,
  table: TargetTable,
  { limit, maxBadRows }: { limit: number; maxBadRows: number },
): Promise<BadRows> {
  await table.prepare?.(client);
  await client.query("analyze batch");
  const { rowCount: badRows } = await client.query(
    `create temp table bad_lines on commit drop as ${badLinesSql(table, maxBadRows + 1)}`,
  );
  const isTruncated = (badRows ?? 0) > maxBadRows;
  if (isTruncated) await client.query("delete from bad_lines where line = (select max(line) from bad_lines)");
  await client.query("analyze bad_lines");
  const { rowCount: problems } = await client.query(`create temp table faults on commit drop as ${faultsSql(table)}`);
  const { rows: first } = await client.query<BadRow>(
    `select line::float8, name as "column", value, reason from faults ${BY_LINE} limit $1`,
    [limit],
  );
  return {
    rows: Math.min(badRows ?? 0, maxBadRows),
    problemCount: problems ?? 0,
    first,
    isTruncated,
    report: () =>
      client.query(
        copyTo(
          `copy (select line, ${asCell("name")} as "column", ${asCell("value")} as value, reason from faults ${BY_LINE}) to stdout (format csv, header true)`,
        ),
      ),
  };
}

/**
 * Adds a last row to the report that says why the report is incomplete. Called after `findBadRows`.
 * @param line - The last line that was read.
 */
export const addToReport = (client: pg.ClientBase, line: number, reason: string) =>
  client.query("insert into faults (line, name, value, reason) values ($1, null, null, $2)", [line + 1, reason]);

/**
 * Beginning of the unchecked part of the staged batch: rows after `line`, all of them in page `page` or a later page.
 */
interface UncheckedStart {
  page: number;
  line: number;
}

/** Returns the number of pages of the staged batch so far; the last page may take further rows. */
async function stagedPages(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ pages: number }>(
    "select (pg_relation_size('batch') / current_setting('block_size')::bigint)::float8 as pages",
  );
  return rows[0]?.pages ?? 0;
}

/** Fraction of each slice's pages that is checked first. A slice is the rows of one COPY (batch.ts). */
const SAMPLE_SHARE = 1 / 10;

/**
 * Checks a batch while it is staged, so that reading a batch with too many bad rows ends early. If the validity of a
 * row depends on other rows, all rows are checked whenever their number has doubled, which costs as much as two checks
 * of the whole batch. Otherwise a tenth of each slice is checked, at a random position, and the whole slice only if
 * that tenth has a bad row: checking all rows of a good batch would take a sixth of the load's time. Bad rows elsewhere
 * are found at the end. Like a good batch, they take at most `jobs.stagedBytes` until then.
 */
export class StagingChecks {
  readonly #client: pg.ClientBase;
  readonly #table: TargetTable;
  readonly #sink: Sink;
  readonly #maxBadRows: number;
  #since: UncheckedStart = { page: 0, line: 0 };
  #bad = 0;
  #dueAt = 0;
  readonly #random: () => number;

  /** @param random - Position of a sample in its slice, from 0 to below 1. */
  constructor(client: pg.ClientBase, table: TargetTable, sink: Sink, maxBadRows: number, random = Math.random) {
    this.#random = random;
    this.#client = client;
    this.#table = table;
    this.#sink = sink;
    this.#maxBadRows = maxBadRows;
  }

  /**
   * Checks the rows staged so far if a check is due, and stops the sink if too many of them are bad.
   * @param rows - Number of rows staged so far.
   * @param line - Line of the last of these rows.
   */
  async run(rows: number, line: number): Promise<void> {
    if (rows < this.#dueAt) return;
    const pages = await stagedPages(this.#client);
    const { page } = this.#since;
    if (this.#table.checksRowsIndependently) {
      const sampled = Math.ceil((pages - page) * SAMPLE_SHARE);
      const from = page + Math.floor(this.#random() * (pages - page - sampled));
      const isSampleBad = (await this.#count(from, from + sampled)) > 0;
      if (isSampleBad) this.#bad += await this.#count(page, pages);
      this.#since = { page: Math.max(0, pages - 1), line };
    } else {
      this.#bad = await this.#count(page, pages);
      this.#dueAt = rows * 2;
    }
    this.#sink.setBadInDatabase(this.#bad);
  }

  /** Counts the bad rows in pages of the unchecked part, up to one more than the maximum. */
  #count(from: number, end: number): Promise<number> {
    return countBadRows(this.#client, this.#table, { from, end, line: this.#since.line }, this.#maxBadRows + 1);
  }
}

/** Counts well-formed rows with invalid values after `line` in the pages from `from` to before `end`. */
async function countBadRows(
  client: pg.ClientBase,
  table: TargetTable,
  { from, end, line }: { from: number; end: number; line: number },
  limit: number,
): Promise<number> {
  await client.query("savepoint counting");
  await table.prepare?.(client);
  await client.query("set local enable_nestloop = off; set local enable_mergejoin = off");
  const { rows } = await client.query<{ bad: number }>(
    `${withSql(table)} select count(*)::float8 as bad from (
       select from batch b ${table.joins}
       where b.ctid >= '(${from},0)' and b.ctid < '(${end},0)' and b.line > ${line} and b.problem is null
         and ${isInvalid(table)}
       limit ${limit}) bad`,
  );
  await client.query("rollback to savepoint counting; release savepoint counting");
  return rows[0]?.bad ?? 0;
}

const withSql = ({ with: ctes }: TargetTable): string => (ctes ? `with ${ctes}` : "");

/** Returns SQL for the lines of the first bad rows. */
const badLinesSql = (table: TargetTable, limit: number): string => `
  ${withSql(table)} select b.line from batch b ${table.joins}
  where b.problem is not null or ${isInvalid(table)}
  order by b.line limit ${limit}`;

/**
 * Returns SQL for all problems of the rows of `bad_lines`: those found before a row reached the database, and those of
 * well-formed values.
 */
const faultsSql = (table: TargetTable): string => `
  ${withSql(table)}
  select b.line, p."column" as name, p.value, p.reason
  from batch b join bad_lines using (line)
    cross join lateral json_to_recordset(b.problem::json) as p("column" text, value text, reason text)
  where b.problem is not null
  ${table.columns.map((column) => `union all ${columnFaultsSql(column, table.joins)}`).join("\n")}`;

/**
 * Returns SQL for the problems of one column. A single query that joins rows to a list of columns takes five times as
 * long.
 */
const columnFaultsSql = (column: Column, joins: string): string => `
  select line, '${column.name}', ${escapedInSql("shown")}, reason
  from (
    select b.line, ${invalidReason(column)} as reason,
      case when length(b.${column.name}) > ${MAX_SHOWN_VALUE} then left(b.${column.name}, ${MAX_SHOWN_VALUE}) || '…' else b.${column.name} end as shown
    from batch b join bad_lines using (line) ${joins}
    offset 0 -- evaluates each reason once
  ) checked
  where reason is not null`;

/** Returns SQL that is true if a value of the row is invalid. */
const isInvalid = ({ columns, accepted = "false" }: TargetTable): string =>
  `case when ${accepted} then false else ${columns.map((column) => `(${invalidReason(column)}) is not null`).join(" or ")} end`;

/** Returns SQL for the reason why a column's value is invalid, or null. */
const invalidReason = ({ name, optional, reason }: Column): string => `case
  when b.${name} is not null and b.${name} <> '' then ${reason}
  when b.problem is null then ${optional ? "null" : `'${MISSING}'`} end`;
