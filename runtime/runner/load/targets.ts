import type { Target } from "../../jobs/request.ts";

/** A column of a target: its name, what JSON brings it as, and how its value is judged in the database. */
export interface Column {
  name: string;
  json: "string" | "integer";
  /** May be left out or empty. */
  optional?: boolean;
  /**
   * SQL that gives the reason why a value (`b.<name>`, text, not null, not empty) cannot be used, or null. It must not
   * raise an error, whatever the text.
   */
  reason: string;
}

/** What is known of a target of updates: one place for the parser, the checks and the statements that apply a batch. */
export interface TargetTable {
  columns: readonly Column[];
  /** Joins and CTEs that the reasons refer to. */
  with?: string;
  joins: string;
  /** Statements that apply the staged batch; the last one's row count is the number of rows it took. */
  apply(mode: "append" | "replace"): { remove?: string; insert: string };
  /** A query that finds a row only if the applied batch left the table in a state it may not have. */
  impossible?: string;
}

const NOT_TEXT = "null";
const DAY = `case
  when b.day !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then 'has to be a day written YYYY-MM-DD'
  when substr(b.day, 1, 4) = '0000' or substr(b.day, 6, 2)::integer not between 1 and 12 then 'is not a day of the calendar'
  when substr(b.day, 9, 2)::integer not between 1 and
    extract(day from make_date(substr(b.day, 1, 4)::integer, substr(b.day, 6, 2)::integer, 1) + interval '1 month - 1 day')
    then 'is not a day of the calendar' end`;
/** Postgres' integer, the type of prices.price, ends at 2147483647. */
const PRICE = `case
  when b.price !~ '^[1-9][0-9]*$' then 'has to be a whole number above 0, written in digits'
  when length(b.price) > 10 or b.price::numeric > 2147483647 then 'is above 2147483647' end`;

/** Rows whose key another row of the batch has: which of them was meant cannot be known. */
const REPEATED = "case when k.first_line < b.line then 'is on line ' || k.first_line || ' already' end";

export const TARGETS: Record<Target, TargetTable> = {
  prices: {
    columns: [
      {
        name: "orig_code",
        json: "string",
        reason: "case when o.code is null then 'is not the code of a known port' end",
      },
      {
        name: "dest_code",
        json: "string",
        reason: "case when d.code is null then 'is not the code of a known port' end",
      },
      { name: "day", json: "string", reason: DAY },
      { name: "price", json: "integer", reason: PRICE },
    ],
    joins: "left join ports o on o.code = b.orig_code left join ports d on d.code = b.dest_code",
    apply: (mode) => ({
      ...(mode === "replace"
        ? {
            remove: `delete from prices p using (select distinct orig_code, dest_code, day::date as day from batch) b
              where p.orig_code = b.orig_code and p.dest_code = b.dest_code and p.day = b.day`,
          }
        : {}),
      // In the order of the index: a sorted load touches each of its pages once. What does not read back as it was
      // written is left out (and 'infinity', which does), so that the count tells; unknown ports are refused by the foreign keys.
      insert: `insert into prices (orig_code, dest_code, day, price)
        select orig_code, dest_code, day::date, price::integer from batch
        where problem is null and length(day) = 10 and day::date::text = day and price::integer::text = price and price::integer > 0
        order by orig_code, dest_code, day::date`,
    }),
  },
  ports: {
    columns: [
      { name: "code", json: "string", reason: REPEATED },
      { name: "name", json: "string", reason: NOT_TEXT },
      {
        name: "parent_slug",
        json: "string",
        reason: "case when r.slug is null then 'is not the slug of a known region' end",
      },
    ],
    with: "keys as materialized (select code, min(line) as first_line from batch group by code)",
    joins: "left join regions r on r.slug = b.parent_slug left join keys k on k.code = b.code",
    apply: () => ({
      insert: `insert into ports (code, name, parent_slug)
        select code, name, parent_slug from batch where problem is null and code <> '' and name <> '' and parent_slug <> '' order by code
        on conflict (code) do update set name = excluded.name, parent_slug = excluded.parent_slug`,
    }),
  },
  regions: {
    columns: [
      { name: "slug", json: "string", reason: REPEATED },
      { name: "name", json: "string", reason: NOT_TEXT },
      {
        name: "parent_slug",
        json: "string",
        optional: true,
        reason: `case
          when not exists (select from merged m where m.slug = b.parent_slug) then 'is not the slug of a known region, nor of one in this batch'
          when exists (select from circles c where c.slug = b.slug) then 'makes the region its own ancestor' end`,
      },
    ],
    with: `keys as materialized (select slug, min(line) as first_line from batch group by slug),
      merged as materialized (
        select slug, nullif(parent_slug, '') as parent_slug from batch where slug is not null
        union all select slug, parent_slug from regions where slug not in (select slug from batch where slug is not null)),
      up(start, at) as (
        select slug, parent_slug from merged where parent_slug is not null
        union select up.start, m.parent_slug from up join merged m on m.slug = up.at where m.parent_slug is not null),
      circles as materialized (select start as slug from up where start = at)`,
    joins: "left join keys k on k.slug = b.slug",
    apply: () => ({
      insert: `insert into regions (slug, name, parent_slug)
        select slug, name, nullif(parent_slug, '') from batch where problem is null and slug <> '' and name <> '' order by slug
        on conflict (slug) do update set name = excluded.name, parent_slug = excluded.parent_slug`,
    }),
    impossible: `with recursive up(start, at) as (
        select slug, parent_slug from regions where slug in (select slug from batch)
        union select up.start, r.parent_slug from up join regions r on r.slug = up.at where r.parent_slug is not null)
      select from up where start = at limit 1`,
  },
};
