/** Names that caller-supplied SQL may use, besides node types (nodes.ts) and functions (functions.ts). */

const wordSet = (...groups: string[]): ReadonlySet<string> => new Set(groups.flatMap((group) => group.split(/\s+/)));

/**
 * Operators, by name; Postgres chooses the function by the operands' types. Those of text search, geometry and row
 * images (*=) are left out, since they have no use on this data; @@ is listed for JSON paths, and also works on
 * tsvector.
 */
export const OPERATORS = wordSet(
  // Arithmetic; interval and date arithmetic too. Division by zero is an error of the query.
  "+ - * / % ^ |/ ||/ @",
  // Bits, and ranges (<< >> &< &> -|-).
  "& | # ~ << >> &< &> -|-",
  // Comparison.
  "= <> != < > <= >=",
  // Text: concatenation, LIKE, regular expressions. Postgres interrupts a slow regular expression at its timeout.
  "|| ~~ !~~ ~~* !~~* !~ ~* !~* ^@",
  // JSON, arrays and ranges: members, containment, overlap, paths.
  "-> ->> #> #>> #- @> <@ && ? ?| ?& @? @@",
);

/** A_Expr's names for BETWEEN, in place of an operator. */
export const BETWEEN_NAMES = new Set(["BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"]);

/**
 * Types of casts and column definitions. Types whose input looks names up in the catalog (reg*), or that belong to the
 * server's internals (xml, refcursor, oid, pg_*, name lists), are left out.
 */
export const TYPES = wordSet(
  // Numbers and bool.
  "int2 int4 int8 float4 float8 numeric bool money",
  // Text and bytes. char(n) and bit(n) pad to n: SQL_LIMITS.padding.
  "text varchar bpchar name bytea bit varbit uuid",
  // Time.
  "date time timetz timestamp timestamptz interval",
  // Documents.
  "json jsonb jsonpath",
  // Ranges.
  "int4range int8range numrange daterange tsrange tstzrange int4multirange int8multirange nummultirange datemultirange tsmultirange tstzmultirange",
);

/** Types whose values are padded to their declared length. */
export const PADDED_TYPES = new Set(["bpchar", "bit"]);

/** Collations of every build of Postgres 15 and newer, and ICU's root and English. */
export const COLLATIONS = wordSet(
  "default C POSIX ucs_basic unicode pg_c_utf8 und-x-icu en-x-icu en-US-x-icu en-GB-x-icu",
);

/** Sampling methods. */
export const SAMPLING_METHODS = new Set(["bernoulli", "system"]);

/** Maximum columns of a relation, and number of tables that its definition joins. */
export interface Relation {
  readonly columns: number;
  readonly tables: number;
}

/** The platform's public tables. */
const PUBLIC_TABLES: Readonly<Record<string, Relation>> = {
  ports: { columns: 8, tables: 1 },
  regions: { columns: 8, tables: 1 },
  prices: { columns: 8, tables: 1 },
};

/**
 * Views of the SQL standard that describe the tables and columns that the reader's role can see: the public tables.
 * Views of routines, roles, privileges, servers and settings are left out.
 */
const INFORMATION_SCHEMA: Readonly<Record<string, Relation>> = {
  tables: { columns: 12, tables: 6 },
  columns: { columns: 44, tables: 16 },
  table_constraints: { columns: 11, tables: 10 },
  key_column_usage: { columns: 9, tables: 10 },
  constraint_column_usage: { columns: 7, tables: 16 },
  referential_constraints: { columns: 9, tables: 14 },
  check_constraints: { columns: 4, tables: 12 },
  schemata: { columns: 7, tables: 4 },
  views: { columns: 10, tables: 6 },
};

/** Schema → its allowed relations. pg_catalog and jobs are refused because they are not listed. */
export const RELATIONS: ReadonlyMap<string, ReadonlyMap<string, Relation>> = new Map([
  ["public", new Map(Object.entries(PUBLIC_TABLES))],
  ["information_schema", new Map(Object.entries(INFORMATION_SCHEMA))],
]);

/**
 * Names allowed after a dot although they are functions that caller-supplied SQL may not call: columns and aliases
 * often have them, and the functions only convert or measure the value itself.
 */
export const HARMLESS_NAMES = wordSet(
  // ports.name and regions.name. name() is a cast.
  "name",
  // Geometry.
  "area box center circle diagonal diameter height isclosed isopen line lseg npoints path point polygon radius slope width",
  // Network addresses.
  "abbrev broadcast cidr family host hostmask inet macaddr masklen netmask network",
);
