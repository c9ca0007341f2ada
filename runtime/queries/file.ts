import { checkValue, PARAM_TYPES, type ParamType, type ParamValue } from "./parameters.ts";

/** A parameter of a named query. */
export interface Param {
  name: string;
  type: ParamType;
  description: string;
  required: boolean;
  /** Default of an absent parameter; null if `required`. */
  default: ParamValue | null;
}

/** A column of a named query's result; the type is Postgres's ("date", "double precision"). */
export interface Column {
  name: string;
  type: string;
  description: string;
}

/** Two parameters that are the ends of a range: a request where `from` comes after `to` is refused. */
export interface Range {
  from: string;
  to: string;
}

/** Metadata of a named query. */
export interface QueryDescription {
  /** A query reads and has columns; a statement changes data and has none. */
  kind: "query" | "statement";
  name: string;
  description: string;
  params: readonly Param[];
  ranges: readonly Range[];
  columns: readonly Column[];
}

/** A checked query file. */
export interface NamedQuery extends QueryDescription {
  /** The SQL without comments, cut where parameters go. */
  sql: readonly (string | Param)[];
}

/**
 * Tokens of SQL: text that hides placeholders (strings, quoted names, dollar quotes), comments, casts (which only look
 * like a placeholder), placeholders, semicolons.
 */
const SQL =
  /(?<text>\b[eE]'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$|::)|(?<comment>--[^\n]*|\/\*[\s\S]*?\*\/)|:(?<param>[a-z_]\w*)|(?<end>;)/g;
const NO_HEADER = "is not '-- name: …', '-- description: …', '-- param: …', '-- range: …' or '-- column: …'";
const PARAM = /^([a-z_][a-z0-9_]*) (\S+)(?: = (.+?))? "([^"]+)"$/;
const COLUMN = /^([a-z_][a-z0-9_]*) ([a-z][a-z ]*(?:\[\])?) "([^"]+)"$/;

/**
 * Reads the file of a named query: header lines, then one SQL statement with `:name` where a parameter goes.
 *
 *     -- name: average_rates                                    as the file is called
 *     -- description: What it answers, in a sentence.
 *     -- param: date_from date "first day, inclusive"           required
 *     -- param: date_to date = null "last day"                  optional; null or a JSON value
 *     -- range: date_from date_to                               the first must not come after the second
 *     -- column: day date "the day"                             a query has columns, a statement none
 *
 * `report` gets each problem with the line (from 1) that it is on.
 */
export function parseQueryFile(
  kind: QueryDescription["kind"],
  name: string,
  text: string,
  report: (line: number, problem: string) => void,
): NamedQuery {
  const lines = text.split("\n");
  const params: Param[] = [];
  const columns: Column[] = [];
  const ranges: Range[] = [];
  const once = new Map<string, string>();
  const header = (key: string, value: string): string | undefined => {
    if (key === "param") return addParam(value, params);
    if (key === "column") return addColumn(value, columns);
    if (key === "range") return addRange(value, params, ranges);
    if (key !== "name" && key !== "description") return NO_HEADER;
    if (once.has(key)) return `'${key}' is there twice`;
    once.set(key, value);
    return undefined;
  };
  let line = 0;
  for (; lines[line]?.startsWith("--"); line += 1) {
    const [, key, value = ""] = /^-- (\w+): (.*\S)\s*$/.exec(lines[line] ?? "") ?? [];
    const problem = key === undefined ? NO_HEADER : header(key, value);
    if (problem !== undefined) report(line + 1, problem);
  }
  if (once.get("name") !== name) report(1, `'-- name: ${name}' is missing (the name is the file's)`);
  if (!once.has("description")) report(1, "'-- description: …' is missing");
  if (kind === "query" && columns.length === 0) report(1, "a query must name its columns: '-- column: …'");
  if (kind === "statement" && columns.length > 0) report(1, "a statement has no columns");
  const sql = cut(lines.slice(line).join("\n"), line + 1, params, report);
  for (const param of params.filter((one) => !sql.includes(one)))
    report(1, `the SQL does not use parameter '${param.name}'`);
  return { kind, name, description: once.get("description") ?? "", params, ranges, columns, sql };
}

/** Reads a parameter's line into the list; answers what is wrong with it, if anything. */
function addParam(text: string, params: Param[]): string | undefined {
  const [, name, type, given, description] = PARAM.exec(text) ?? [];
  if (name === undefined || type === undefined || description === undefined) {
    return 'is not: -- param: name type "description", or: -- param: name type = default "description"';
  }
  if (!isParamType(type))
    return `'${type}' is not a parameter type; use one of: ${Object.keys(PARAM_TYPES).join(", ")}`;
  if (params.some((one) => one.name === name)) return `parameter '${name}' is there twice`;
  const fallback = given === undefined ? null : parse(given);
  const problem = fallback === null ? undefined : checkValue(type, fallback);
  if (problem !== undefined) return `the default ${given} ${problem}`;
  params.push({ name, type, description, required: given === undefined, default: fallback as ParamValue | null });
  return undefined;
}

/** Types whose JSON values compare as their SQL values do. */
const ORDERED: ReadonlySet<ParamType> = new Set(["date", "integer", "number"]);

/** The same for a range, of parameters that are declared before it. */
function addRange(text: string, params: readonly Param[], ranges: Range[]): string | undefined {
  const [, from = "", to = ""] = /^(\S+) (\S+)$/.exec(text) ?? [];
  const [first, last] = [from, to].map((name) => params.find((one) => one.name === name));
  if (first === undefined || last === undefined || first === last)
    return "is not: -- range: from to, of two parameters declared before it";
  if (first.type !== last.type || !ORDERED.has(first.type))
    return `a range needs two parameters of one type: ${[...ORDERED].join(", ")}`;
  ranges.push({ from, to });
  return undefined;
}

/** The same for a column. */
function addColumn(text: string, columns: Column[]): string | undefined {
  const [, name, type, description] = COLUMN.exec(text) ?? [];
  if (name === undefined || type === undefined || description === undefined) {
    return 'is not: -- column: name type "description"';
  }
  if (columns.some((one) => one.name === name)) return `column '${name}' is there twice`;
  columns.push({ name, type, description });
  return undefined;
}

/** The SQL in pieces, without comments (one at the end would swallow what is put behind it) and final semicolon. */
function cut(
  body: string,
  firstLine: number,
  params: readonly Param[],
  report: (line: number, problem: string) => void,
): (string | Param)[] {
  const pieces: (string | Param)[] = [];
  const lineAt = (index: number) => firstLine + body.slice(0, index).split("\n").length - 1;
  let piece = "";
  let from = 0;
  let ended = false;
  const take = (to: number, extra = "") => {
    const code = body.slice(from, to) + extra;
    if (ended && code.trim() !== "") report(lineAt(from), "one statement only: there is more after the semicolon");
    piece += code;
  };
  for (const found of body.matchAll(SQL)) {
    const { text = "", comment, param, end } = found.groups ?? {};
    take(found.index, comment === undefined ? text : " ");
    from = found.index + found[0].length;
    if (end !== undefined) ended = true;
    if (param === undefined) continue;
    const known = params.find((one) => one.name === param);
    if (known === undefined) {
      report(lineAt(found.index), `':${param}' is not a declared parameter; declare it with '-- param: ${param} …'`);
    } else {
      pieces.push(piece, known);
      piece = "";
    }
  }
  take(body.length);
  pieces.push(piece.trimEnd());
  const [first] = pieces;
  if (typeof first === "string") pieces[0] = first.trimStart();
  if (pieces.every((one) => one === "")) report(firstLine, "there is no SQL");
  return pieces;
}

const isParamType = (type: string): type is ParamType => Object.hasOwn(PARAM_TYPES, type);

/** A JSON value; what is none stays text, and then does not fit its type unless that is text. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
