import type pg from "pg";
import type { Target } from "../../contract/request.ts";
import { checkCycles } from "./cycles.ts";
import { hasInvisibleOrSpace } from "./invisible.ts";

/** A column of an update target: its name, its JSON type, and the SQL that checks its value. */
export interface Column {
  name: string;
  json: "string" | "integer";
  /** True if the value may be omitted or empty. */
  optional?: boolean;
  /**
   * SQL for the reason why a value (`b.<name>`, text, not null, not empty) is invalid, or null. It must not raise an
   * error, whatever the text.
   */
  reason: string;
}

/** Definition of an update target, for the parser, the checks and the statements that apply a batch. */
export interface TargetTable {
  columns: readonly Column[];
  /** Joins and CTEs that the reasons refer to. */
  with?: string;
  joins: string;
  /**
   * Checks properties of the batch as a whole, and stores the data that the reasons refer to. Called before the batch is
   * applied, and before its bad rows are counted or reported.
   * @returns false if the batch cannot be applied
   */
  prepare?(client: pg.ClientBase): Promise<boolean>;
  /**
   * SQL that is true for rows that `insert` accepts as written. It takes a third of the time of the reasons, which are
   * then evaluated for the other rows only. It must not raise an error, whatever the text.
   */
  accepted?: string;
  /** True if each row is checked by itself, so that later rows do not change the result. */
  checksRowsIndependently?: boolean;
  /** Rewrites valid values in another notation to the one that `insert` accepts; run only after it refused a batch. */
  normalize?: string;
  /** Removes the rows that a batch in mode `replace` replaces; without it, both modes upsert by key. */
  remove?: string;
  /** Inserts the valid rows of the staged batch; its row count is their number. */
  insert: string;
}

/** Reason for a column whose values are all valid. */
const NO_REASON = "null";
const DAY = `case
  when b.day !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then 'must be a day written YYYY-MM-DD'
  when substr(b.day, 1, 4) = '0000' or substr(b.day, 6, 2)::integer not between 1 and 12 then 'is not a day of the calendar'
  when substr(b.day, 9, 2)::integer not between 1 and
    extract(day from make_date(substr(b.day, 1, 4)::integer, substr(b.day, 6, 2)::integer, 1) + interval '1 month - 1 day')
    then 'is not a day of the calendar' end`;
/** Digits as `real_price::text` writes them, the notation that `insert` accepts. */
const DIGITS = "'^[1-9][0-9]*$'";
/**
 * Numbers in any notation, since some programs write 1500 as 1500.0 or 1.5e3. Postgres's numeric stores numbers of this
 * length exactly and compactly.
 */
const NUMBER = "'^(0|[1-9][0-9]{0,19})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$'";
/** Postgres's integer, the type of prices.price, ends at 2147483647. */
const PRICE = `case
  when b.price ~ ${DIGITS} then case
    when length(b.price) > 10 then 'is above 2147483647'
    when b.price::bigint > 2147483647 then 'is above 2147483647' end
  when b.price !~ ${NUMBER} then 'must be a whole number above 0, written in digits'
  when b.price::numeric < 1 or b.price::numeric <> trunc(b.price::numeric) then 'must be a whole number above 0, written in digits'
  when b.price::numeric > 2147483647 then 'is above 2147483647' end`;

/** Condition for prices that `insert` accepts as written. CASE prevents casts of texts that are not dates or numbers. */
const ACCEPTED_PRICE = `case when length(b.day) = 10 and pg_input_is_valid(b.day, 'date') and pg_input_is_valid(b.price, 'integer')
  then o.code is not null and d.code is not null
    and b.day::date::text = b.day and b.price::integer > 0 and b.price::integer::text = b.price
  else false end`;

/** Reason for an unknown port code, with the probable mistake. */
const unknownPort = (
  code: string,
  port: string,
) => `case when ${port}.code is null then 'is not the code of a known port' ||
  case when ${hasInvisibleOrSpace(`b.${code}`)} then ': it has a space or an invisible character'
    when upper(b.${code}) in (select code from ports) then ': codes are in upper case'
    when b.${code} in (select slug from regions) then ': it is the slug of a region'
    else '' end end`;
/** Reason for codes and slugs that look like others, because of a space or an invisible character. */
const invisibleCharacters = (key: string) =>
  `case when ${hasInvisibleOrSpace(`b.${key}`)} then 'has a space or an invisible character' end`;

/** Reason for a key that is too long, or that an earlier row has too: it is unknown which row is meant. */
const repeatedKey = (key: string) => `case
  when octet_length(b.${key}) > ${KEY_BYTES} then 'is longer than ${KEY_BYTES} bytes'
  when k.first_line < b.line then 'is on line ' || k.first_line || ' already' end`;
/** Postgres indexes keys of up to about 2,700 bytes; no real code or slug comes near this. */
const KEY_BYTES = 1_000;

export const TARGETS: Record<Target, TargetTable> = {
  prices: {
    columns: [
      {
        name: "orig_code",
        json: "string",
        reason: unknownPort("orig_code", "o"),
      },
      {
        name: "dest_code",
        json: "string",
        reason: unknownPort("dest_code", "d"),
      },
      { name: "day", json: "string", reason: DAY },
      { name: "price", json: "integer", reason: PRICE },
    ],
    joins: "left join ports o on o.code = b.orig_code left join ports d on d.code = b.dest_code",
    accepted: ACCEPTED_PRICE,
    checksRowsIndependently: true,
    normalize: `update batch set price = trunc(price::numeric)::text
      where price !~ ${DIGITS} and case when price ~ ${NUMBER}
        then price::numeric = trunc(price::numeric) and price::numeric between 1 and 2147483647 else false end`,
    remove: `delete from prices p using (select distinct orig_code, dest_code, day::date as day from batch) b
      where p.orig_code = b.orig_code and p.dest_code = b.dest_code and p.day = b.day`,
    // Leaves out rows with unknown ports, with values that do not read back as written, and with 'infinity', although
    // that reads back; the row count reveals them. Sorted like the index, so that each page of the index is touched
    // once. The sort key combines the three columns (positions of the ports, and the day) in one number: sorting takes
    // half the time.
    insert: `with places as materialized (select code, row_number() over (order by code) as place from ports)
      insert into prices (orig_code, dest_code, day, price)
      select orig_code, dest_code, real_day, real_price
      from (
        select orig_code, dest_code, day, price, day::date as real_day, price::integer as real_price
        from batch where length(day) = 10
        offset 0 -- evaluates each cast once, although it is used several times
      ) b join places o on o.code = b.orig_code join places d on d.code = b.dest_code
      where real_day::text = day and real_price::text = price and real_price > 0
      order by (o.place << 43) + (d.place << 22) + (real_day - date '0001-01-01')`,
  },
  ports: {
    columns: [
      {
        name: "code",
        json: "string",
        reason: `coalesce(${repeatedKey("code")}, ${invisibleCharacters("code")},
          case when g.slug is not null then 'is the slug of a region' end)`,
      },
      { name: "name", json: "string", reason: NO_REASON },
      {
        name: "parent_slug",
        json: "string",
        reason: "case when r.slug is null then 'is not the slug of a known region' end",
      },
    ],
    with: "keys as materialized (select code, min(line) as first_line from batch group by code)",
    joins: `left join regions r on r.slug = b.parent_slug left join regions g on g.slug = b.code
      left join keys k on k.code = b.code`,
    // A code must not be a region's slug, since either may name a place. Batches of regions wait until this batch ends.
    prepare: async (client) => {
      await client.query("lock table regions in share mode");
      return true;
    },
    insert: `insert into ports (code, name, parent_slug)
      select code, name, parent_slug from batch
      where code <> '' and octet_length(code) <= ${KEY_BYTES} and not ${hasInvisibleOrSpace("code")}
      and not exists (select from regions g where g.slug = batch.code) and name <> '' and parent_slug <> '' order by code
      on conflict (code) do update set name = excluded.name, parent_slug = excluded.parent_slug`,
  },
  regions: {
    columns: [
      {
        name: "slug",
        json: "string",
        reason: `coalesce(${repeatedKey("slug")}, ${invisibleCharacters("slug")},
          case when g.code is not null then 'is the code of a port' end)`,
      },
      { name: "name", json: "string", reason: NO_REASON },
      {
        name: "parent_slug",
        json: "string",
        optional: true,
        reason: `case
          when m.slug is null then 'is not the slug of a known region, nor of one in this batch'
          when c.slug is not null then 'makes the region its own ancestor' end`,
      },
    ],
    with: "keys as materialized (select slug, min(line) as first_line from batch group by slug)",
    joins: `left join keys k on k.slug = b.slug left join ports g on g.code = b.slug
      left join merged m on m.slug = b.parent_slug left join cycles c on c.slug = b.slug`,
    prepare: checkCycles,
    insert: `insert into regions (slug, name, parent_slug)
      select slug, name, nullif(parent_slug, '') from batch
      where slug <> '' and octet_length(slug) <= ${KEY_BYTES} and not ${hasInvisibleOrSpace("slug")}
      and not exists (select from ports g where g.code = batch.slug) and name <> '' order by slug
      on conflict (slug) do update set name = excluded.name, parent_slug = excluded.parent_slug`,
  },
};
