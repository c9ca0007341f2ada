import { checkValue, PARAM_TYPES, type ParamType, type ParamValue } from "./parameters.ts";

/** A parameter of a named query. */
export interface Param {
  name: string;
  type: ParamType;
  description: string;
  required: boolean;
  /** Value of an absent parameter; null if `required`. */
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
  /** The SQL without comments, split at its parameters. */
  sql: readonly (string | Param)[];
}

/**
 * Tokens of SQL: text that hides placeholders (strings, quoted names, dollar quotes), comments, casts (which only look
 * like a placeholder), placeholders, semicolons.
 */
const SQL_TOKENS =
  /(?<text>\b[eE]'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$|::)|(?<comment>--[^\n]*|\/\*[\s\S]*?\*\/)|:(?<param>[a-z_]\w*)|(?<end>;)/g;
const INVALID_HEADER = "is not '-- name: …', '-- description: …', '-- param: …', '-- range: …' or '-- column: …'";
const PARAM = /^([a-z_][a-z0-9_]*) (\S+)(?: = (.+?))? "([^"]+)"$/;
const COLUMN = /^([a-z_][a-z0-9_]*) ([a-z][a-z ]*(?:\[\])?) "([^"]+)"$/;

/**
 * Reads the file of a named query: header lines, then one SQL statement with `:name` where a parameter goes.
 *
 *     -- name: average_rates                                    name of the file
 *     -- description: One sentence about the result.
 *     -- param: date_from date "first day, inclusive"           required
 *     -- param: date_to date = null "last day"                  optional; null or a JSON value
 *     -- range: date_from date_to                               the first must not come after the second
 *     -- column: day date "the day"                             a query has columns, a statement none
 *
 * @param report called with each problem and its line, from 1
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
  const singleHeaders = new Map<string, string>();
  const addHeader = (key: string, value: string): string | undefined => {
    if (key === "param") return addParam(value, params);
    if (key === "column") return addColumn(value, columns);
    if (key === "range") return addRange(value, params, ranges);
    if (key !== "name" && key !== "description") return INVALID_HEADER;
    if (singleHeaders.has(key)) return `'${key}' is declared twice`;
    singleHeaders.set(key, value);
    return undefined;
  };
  let line = 0;
  for (; lines[line]?.startsWith("--"); line += 1) {
    const [, key, value = ""] = /^-- (\w+): (.*\S)\s*$/.exec(lines[line] ?? "") ?? [];
    const problem = key === undefined ? INVALID_HEADER : addHeader(key, value);
    if (problem !== undefined) report(line + 1, problem);
  }
  if (singleHeaders.get("name") !== name) report(1, `'-- name: ${name}' is missing; it must be the name of the file`);
  if (!singleHeaders.has("description")) report(1, "'-- description: …' is missing");
  if (kind === "query" && columns.length === 0) report(1, "a query must name its columns: '-- column: …'");
  if (kind === "statement" && columns.length > 0) report(1, "a statement has no columns");
  const sql = splitSql(lines.slice(line).join("\n"), line + 1, params, report);
  for (const param of params.filter((declared) => !sql.includes(declared)))
    report(1, `the SQL does not use parameter '${param.name}'`);
  return { kind, name, description: singleHeaders.get("description") ?? "", params, ranges, columns, sql };
}

/** Adds a parameter. @returns the problem, or undefined */
function addParam(text: string, params: Param[]): string | undefined {
  const [, name, type, defaultText, description] = PARAM.exec(text) ?? [];
  if (name === undefined || type === undefined || description === undefined) {
    return 'is not: -- param: name type "description", or: -- param: name type = default "description"';
  }
  if (!isParamType(type))
    return `'${type}' is not a parameter type; use one of: ${Object.keys(PARAM_TYPES).join(", ")}`;
  if (params.some((param) => param.name === name)) return `parameter '${name}' is declared twice`;
  const fallback = defaultText === undefined ? null : parseDefault(defaultText);
  const problem = fallback === null ? undefined : checkValue(type, fallback);
  if (problem !== undefined) return `the default ${defaultText} ${problem}`;
  params.push({ name, type, description, required: defaultText === undefined, default: fallback as ParamValue | null });
  return undefined;
}

/** Types whose JSON values compare as their SQL values do. */
const ORDERED_TYPES: ReadonlySet<ParamType> = new Set(["date", "integer", "number"]);

/** Adds a range of parameters that are declared before it. @returns the problem, or undefined */
function addRange(text: string, params: readonly Param[], ranges: Range[]): string | undefined {
  const [, from = "", to = ""] = /^(\S+) (\S+)$/.exec(text) ?? [];
  const [first, last] = [from, to].map((name) => params.find((param) => param.name === name));
  if (first === undefined || last === undefined || first === last)
    return "is not: -- range: from to, of two parameters declared before it";
  if (first.type !== last.type || !ORDERED_TYPES.has(first.type))
    return `a range needs two parameters of one type: ${[...ORDERED_TYPES].join(", ")}`;
  ranges.push({ from, to });
  return undefined;
}

/** Adds a column. @returns the problem, or undefined */
function addColumn(text: string, columns: Column[]): string | undefined {
  const [, name, type, description] = COLUMN.exec(text) ?? [];
  if (name === undefined || type === undefined || description === undefined) {
    return 'is not: -- column: name type "description"';
  }
  if (columns.some((column) => column.name === name)) return `column '${name}' is declared twice`;
  columns.push({ name, type, description });
  return undefined;
}

/**
 * Splits the SQL at its parameters. Removes the final semicolon and all comments, since a comment at the end would hide
 * appended text.
 */
function splitSql(
  body: string,
  firstLine: number,
  params: readonly Param[],
  report: (line: number, problem: string) => void,
): (string | Param)[] {
  const pieces: (string | Param)[] = [];
  const lineAt = (index: number) => firstLine + body.slice(0, index).split("\n").length - 1;
  let piece = "";
  let from = 0;
  let isEnded = false;
  const addCode = (to: number, extra = "") => {
    const code = body.slice(from, to) + extra;
    if (isEnded && code.trim() !== "")
      report(lineAt(from), "only one statement is allowed; remove the text after the semicolon");
    piece += code;
  };
  for (const match of body.matchAll(SQL_TOKENS)) {
    const { text = "", comment, param, end } = match.groups ?? {};
    addCode(match.index, comment === undefined ? text : " ");
    from = match.index + match[0].length;
    if (end !== undefined) isEnded = true;
    if (param === undefined) continue;
    const declared = params.find((candidate) => candidate.name === param);
    if (declared === undefined) {
      report(lineAt(match.index), `':${param}' is not a declared parameter; declare it with '-- param: ${param} …'`);
    } else {
      pieces.push(piece, declared);
      piece = "";
    }
  }
  addCode(body.length);
  pieces.push(piece.trimEnd());
  const [first] = pieces;
  if (typeof first === "string") pieces[0] = first.trimStart();
  if (pieces.every((text) => text === "")) report(firstLine, "there is no SQL");
  return pieces;
}

const isParamType = (type: string): type is ParamType => Object.hasOwn(PARAM_TYPES, type);

/** Parses a JSON value. Returns other text unchanged, as the default of a text, place or date. */
function parseDefault(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
