import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isText } from "../contract/inspect.ts";
import { invalidRequest, ProblemList, redactName } from "../contract/problemList.ts";
import { suggestion } from "../contract/problems.ts";
import { ROOT } from "../platform/root.ts";
import { type NamedQuery, parseQueryFile, type QueryDescription } from "./file.ts";
import { checkValue, literal, type ParamValue } from "./parameters.ts";

export type { NamedQuery, QueryDescription } from "./file.ts";
export type { ParamType } from "./parameters.ts";

/** All named queries and statements, ordered by name. */
export interface Catalogue {
  queries: readonly NamedQuery[];
  statements: readonly NamedQuery[];
}

/**
 * Reads and checks every file of `queries/*.sql` (named queries) and `statements/*.sql` (named statements) in a
 * directory.
 * @throws Error that lists all problems, each with its file and line
 */
export function loadCatalogue(directory: string): Catalogue {
  const problems: string[] = [];
  const load = (kind: QueryDescription["kind"], folder: string) =>
    readdirSync(join(directory, folder))
      .filter((file) => file.endsWith(".sql"))
      .sort()
      .map((file) => {
        const report = (line: number, problem: string) => problems.push(`${folder}/${file}, line ${line}: ${problem}`);
        return parseQueryFile(
          kind,
          basename(file, ".sql"),
          readFileSync(join(directory, folder, file), "utf8"),
          report,
        );
      });
  const catalogue = { queries: load("query", "queries"), statements: load("statement", "statements") };
  if (problems.length > 0) throw new Error(`Invalid query files in ${directory}:\n  ${problems.join("\n  ")}`);
  return catalogue;
}

let cachedCatalogue: Catalogue | undefined;

/** Returns the platform's catalog, read once from db/ or, in a bundle, from the directory in RATES_QUERIES_DIR. */
function catalogue(): Catalogue {
  cachedCatalogue ??= loadCatalogue(process.env.RATES_QUERIES_DIR ?? join(ROOT, "db"));
  return cachedCatalogue;
}

export const allQueries = (): readonly NamedQuery[] => catalogue().queries;
export const allStatements = (): readonly NamedQuery[] => catalogue().statements;

/** Returns the named query, or undefined. */
export const findQuery = (name: string): NamedQuery | undefined => allQueries().find((query) => query.name === name);
/** Returns the named statement, or undefined. */
export const findStatement = (name: string): NamedQuery | undefined =>
  allStatements().find((query) => query.name === name);

/** Returns the description of a query: everything except its SQL. */
export function describeQuery({ sql: _, ...description }: NamedQuery): QueryDescription {
  return description;
}

/**
 * Checks a task's params.
 * @returns the problems, with fields like `task.params.date_from`; empty for valid params
 */
export function checkParams(query: NamedQuery, params: Readonly<Record<string, unknown>>): ProblemList {
  const problems = new ProblemList();
  for (const param of query.params) {
    const field = `task.params.${param.name}`;
    const value = Object.hasOwn(params, param.name) ? params[param.name] : undefined;
    if (value === undefined) {
      if (param.required) problems.add(() => ({ field, message: `is missing: ${param.description}.` }));
    } else if (value !== null || param.required || param.default !== null) {
      const message = checkValue(param.type, value);
      if (message !== undefined) problems.add(() => ({ field, ...storableValue(value), message }));
    }
  }
  for (const { from, to } of query.ranges) {
    const [first, last] = [from, to].map((name) => (Object.hasOwn(params, name) ? params[name] : undefined));
    const type = query.params.find(({ name }) => name === from)?.type ?? "text";
    const areGiven = [first, last].every((value) => value !== undefined && value !== null);
    if (!areGiven || [first, last].some((value) => checkValue(type, value) !== undefined)) continue;
    if ((first as string | number) > (last as string | number))
      problems.add(() => ({
        field: `task.params.${to}`,
        ...storableValue(last),
        message: `must not be before ${from} (${first}).`,
      }));
  }
  const names = query.params.map(({ name }) => name);
  for (const name of Object.keys(params).filter((candidate) => !names.includes(candidate)))
    problems.add(() => ({
      field: `task.params.${redactName(name)}`,
      ...storableValue(params[name]),
      message: `is not a parameter of ${query.name}.${suggestion(name, names)}`,
    }));
  return problems;
}

/**
 * Returns the query's SQL with its parameters as typed, escaped literals: one statement without comments or semicolon.
 * @throws JobError InvalidRequest if the params are invalid
 */
export function bindParams(query: NamedQuery, params: Readonly<Record<string, unknown>>): string {
  const problems = checkParams(query, params);
  if (problems.length > 0) throw invalidRequest(problems);
  const value = (name: string) =>
    Object.hasOwn(params, name) ? (params[name] as ParamValue | null | undefined) : undefined;
  return query.sql
    .map((piece) => (typeof piece === "string" ? piece : literal(piece.type, value(piece.name) ?? piece.default)))
    .join("");
}

/** Leaves out text that Postgres cannot store, since problems are stored as JSON. */
const storableValue = (value: unknown) => (typeof value === "string" && !isText(value) ? {} : { value });
