import type { Readable } from "node:stream";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { MISSING } from "./records.ts";
import { SHOWN } from "./sink.ts";
import type { Column, TargetTable } from "./targets.ts";

/** A bad row as the contract reports it; `line` is the item's number for inline items. */
export interface BadRow {
  line: number;
  column: string | null;
  value: string | null;
  reason: string;
}

/** Everything that is wrong with a staged batch. */
export interface BadRows {
  /** How many rows are bad; a row with two faults counts once. */
  rows: number;
  /** How many faults the whole report lists. */
  faults: number;
  /** The first of them, by line. */
  first: BadRow[];
  /** The whole report as CSV (line,column,value,reason), from the server in constant memory. */
  report(): Readable;
}

const BY_LINE = "order by line, name nulls first, reason";

/**
 * Finds every fault of every row of the temporary table `batch`, set-wise and with expressions that no text can make
 * fail. The faults are kept in a temporary table, so that one of a million rows costs this process nothing.
 */
export async function findBadRows(client: pg.ClientBase, table: TargetTable, limit: number): Promise<BadRows> {
  await table.prepare?.(client);
  await client.query("analyze batch");
  await client.query(`create temp table faults on commit drop as ${faults(table)}`);
  const { rows: counts } = await client.query<{ rows: number; faults: number }>(
    "select count(distinct line)::float8 as rows, count(*)::float8 as faults from faults",
  );
  const { rows: first } = await client.query<BadRow>(
    `select line::float8, name as "column", value, reason from faults ${BY_LINE} limit $1`,
    [limit],
  );
  return {
    rows: counts[0]?.rows ?? 0,
    faults: counts[0]?.faults ?? 0,
    first,
    report: () =>
      client.query(
        copyTo(
          `copy (select line, name as "column", value, reason from faults ${BY_LINE}) to stdout (format csv, header true)`,
        ),
      ),
  };
}

/** What was found before a row reached the database, and what is found in its values: those of sound form, at least. */
const faults = ({ columns, with: ctes, joins }: TargetTable): string => `
  ${ctes ? `with ${ctes}` : ""}
  select b.line, p."column" as name, p.value, p.reason
  from batch b cross join lateral json_to_recordset(b.problem::json) as p("column" text, value text, reason text)
  where b.problem is not null
  ${columns.map((column) => `union all ${faultsOf(column, joins)}`).join("\n")}`;

/** A query a column: a row of VALUES a column, joined to each row, takes five times as long. */
const faultsOf = ({ name, optional, reason }: Column, joins: string): string => `
  select line, '${name}', case when length(value) > ${SHOWN} then left(value, ${SHOWN}) || '…' else value end, reason
  from (
    select b.line, b.${name} as value, case
      when b.${name} is not null and b.${name} <> '' then ${reason}
      when b.problem is null then ${optional ? "null" : `'${MISSING}'`} end as reason
    from batch b ${joins}
    offset 0 -- judges each value once
  ) judged
  where reason is not null`;
