import type { QueryDescription } from "../../queries/catalogue.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";

/** Response of GET /queries. */
export type Queries = Record<"queries" | "statements", Omit<QueryDescription, "kind">[]>;

/**
 * Converts --param arguments to the parameters of a named query or statement. Each value is converted to the declared
 * type, so that `007` stays text for a text parameter. Invalid values stay text, and the platform reports them.
 * @returns undefined without --param, or for a task without a named query or statement
 */
export async function paramsFor(
  client: Client,
  { query, statement, param = [] }: { query?: string; statement?: string; param?: readonly string[] },
): Promise<Record<string, unknown> | undefined> {
  if (param.length === 0 || (query === undefined && statement === undefined)) return undefined;
  const all = await client.json<Queries>("GET", "/queries");
  const candidates = query === undefined ? all.statements : all.queries;
  const types = new Map(
    candidates.find(({ name }) => name === (query ?? statement))?.params.map(({ name, type }) => [name, type]),
  );
  const params = new Map<string, unknown>();
  for (const pair of param) {
    const at = pair.indexOf("=");
    if (at < 1) throw new CommandError("invalid", `--param '${pair}' must be of the form name=value.`);
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const earlier = params.get(name);
    if (types.get(name) === "text[]") params.set(name, [...(Array.isArray(earlier) ? earlier : []), value]);
    else if (earlier !== undefined)
      throw new CommandError("invalid", `--param ${name} is given twice, but has one value.`);
    else params.set(name, convertValue(types.get(name), value));
  }
  return Object.fromEntries(params);
}

function convertValue(type: string | undefined, value: string): unknown {
  if (type === "boolean") return value === "true" ? true : value === "false" ? false : value;
  if (type === "integer" || type === "number")
    return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
  return value;
}
