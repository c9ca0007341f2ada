import type { Readable } from "node:stream";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { Target } from "../../jobs/request.ts";
import { TARGETS, type TargetTable } from "./targets.ts";

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

const BY_LINE = "order by line, name nulls first";

/**
 * Finds every fault of every row of the temporary table `batch`, set-wise and with expressions that no text can make
 * fail. The faults are kept in a temporary table, so that one of a million rows costs this process nothing.
 */
export async function findBadRows(client: pg.ClientBase, target: Target, limit: number): Promise<BadRows> {
  const table = TARGETS[target];
  await client.query(`create temp table faults on commit drop as ${faults(table)}`);
  const { rows: counts } = await client.query(
    "select count(distinct line)::int as rows, count(*)::int as faults from faults",
  );
  const { rows: first } = await client.query(
    `select line::int, name as "column", value, reason from faults ${BY_LINE} limit $1`,
    [limit],
  );
  return {
    ...counts[0],
    first,
    report: () =>
      client.query(
        copyTo(
          `copy (select line, name as "column", value, reason from faults ${BY_LINE}) to stdout (format csv, header true)`,
        ),
      ),
  };
}

const faults = ({ columns, with: ctes, joins }: TargetTable): string => `
  ${ctes ? `with recursive ${ctes}` : ""}
  select b.line, p."column" as name, p.value, p.reason
  from batch b cross join lateral json_to_recordset(b.problem::json) as p("column" text, value text, reason text)
  where b.problem is not null
  union all
  select b.line, v.name, left(v.value, 100), v.reason
  from batch b ${joins}
  cross join lateral (values ${columns
    .map(({ name, optional, reason }) => {
      const empty = `b.${name} is null or b.${name} = ''`;
      return `('${name}', b.${name}, case when ${empty} then ${optional ? "null" : "'is missing'"} else ${reason} end)`;
    })
    .join(", ")}) as v(name, value, reason)
  where b.problem is null and v.reason is not null`;
