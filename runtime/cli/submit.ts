import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { Client } from "./client.ts";
import { CommandError } from "./exits.ts";

/** Flags of `rates submit`, and of what builds on it. */
export interface SubmitFlags {
  query?: string;
  sql?: string;
  statement?: string;
  param?: string[];
  target?: string;
  mode?: string;
  items?: string;
  s3?: string;
  url?: string;
  format?: string;
  compression?: string;
  dryRun?: boolean;
  id?: string;
  tenant?: string;
  priority?: string;
  timeout?: string;
  label?: string[];
}

/** k=v arguments as an object; the parts of a repeated key become a list. */
export function pairs(list: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    list.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new CommandError("invalid", `${flag} '${pair}' has to be of the form key=value.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** What text means as a parameter: JSON where it is a number, true, false, null or a list; else itself. */
export function paramValue(value: string): unknown {
  if (!/^(-?\d+(\.\d+)?|true|false|null|\[.*\])$/s.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const number = (flag: string, value: string): number => {
  if (!/^\d+$/.test(value)) throw new CommandError("invalid", `${flag} '${value}' has to be a whole number.`);
  return Number(value);
};

/** The contract's request, from flags. What the request may be is the platform's to judge; here it is only put together. */
export function requestFrom(flags: SubmitFlags): Record<string, unknown> {
  const kinds = (["query", "sql", "statement", "target"] as const).filter((kind) => flags[kind] !== undefined);
  if (kinds.length !== 1)
    throw new CommandError(
      "invalid",
      kinds.length === 0
        ? "Say what to do: a FILE with a request, or one of --query, --sql, --statement, --target."
        : `--${kinds.join(" and --")} do not go together.`,
    );
  const given = (object: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
  const params = flags.param
    ? Object.fromEntries(
        Object.entries(pairs(flags.param, "--param")).map(([name, value]) => [name, paramValue(value)]),
      )
    : undefined;
  const { query, sql, statement, target, mode, format, compression, dryRun } = flags;
  const task =
    target !== undefined
      ? { type: "update", ...given({ target, mode, source: source(flags), format, compression, dryRun }) }
      : statement !== undefined
        ? { type: "update", ...given({ statement, params }) }
        : { type: "read", ...given({ query, sql, params, format, compression }) };
  return given({
    requestId: flags.id,
    tenant: flags.tenant,
    priority: flags.priority === undefined ? undefined : number("--priority", flags.priority),
    timeoutSeconds: flags.timeout === undefined ? undefined : number("--timeout", flags.timeout),
    labels: flags.label && pairs(flags.label, "--label"),
    task,
  });
}

function source({ items, s3, url }: SubmitFlags): object {
  if ([items, s3, url].filter((one) => one !== undefined).length !== 1)
    throw new CommandError(
      "invalid",
      "--target needs one of --items, --s3, --url. `rates load FILE` loads a file of this machine.",
    );
  if (items !== undefined) return { inline: readJson(items) };
  return s3 !== undefined ? { s3 } : { url };
}

/** A request from a file, or from stdin for `-`. */
export async function requestIn(file: string): Promise<unknown> {
  return file === "-" ? parse(await text(process.stdin), "stdin") : readJson(file);
}

function readJson(file: string): unknown {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError("invalid", `${file} cannot be read: ${(error as Error).message}`);
  }
  return parse(content, file);
}

function parse(content: string, name: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new CommandError("invalid", `${name} is not JSON: ${(error as Error).message}`);
  }
}

/** Where a submitted job stands. */
export interface Submitted {
  requestId: string;
  tenant: string;
  status: string;
}

export const submit = (client: Client, request: unknown): Promise<Submitted> =>
  client.json<Submitted>("POST", "/jobs", request);
