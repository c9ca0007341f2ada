import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type ParsedJson, readJson } from "../../contract/json.ts";
import type { Client } from "./apiClient.ts";
import type { Submitted } from "./connection.ts";
import { CommandError } from "./exits.ts";
import { printableName, readText } from "./files.ts";

/** Flags of `rates submit` and commands based on it. */
export interface SubmitFlags {
  query?: string;
  sql?: string;
  /** A file with the SQL. */
  file?: string;
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
  reply?: string;
}

/** Parses key=value arguments; rejects a key with two different values. */
export function pairs(list: readonly string[], flag: string): Record<string, string> {
  const found = new Map<string, string>();
  for (const pair of list) {
    const at = pair.indexOf("=");
    if (at < 1) throw new CommandError("invalid", `${flag} '${pair}' must be of the form key=value.`);
    const [key, value] = [pair.slice(0, at), pair.slice(at + 1)];
    if (found.has(key) && found.get(key) !== value)
      throw new CommandError("invalid", `${flag} ${key} is given twice with different values. Keep one.`);
    found.set(key, value);
  }
  return Object.fromEntries(found);
}

/** Replaces --file with --sql, the file's content. */
export function withSqlFile<T extends SubmitFlags>({ file, ...flags }: T): T {
  if (file === undefined) return flags as T;
  if (flags.sql !== undefined) throw new CommandError("invalid", "--sql and --file cannot be combined.");
  const sql = readText(file);
  if (sql.trim() === "") throw new CommandError("invalid", `${file === "-" ? "stdin" : printableName(file)} is empty.`);
  return { ...flags, sql } as T;
}

/** Parses the whole number of a flag. */
const number = (flag: string, value: string | undefined): number | undefined => {
  if (value !== undefined && !/^\d+$/.test(value))
    throw new CommandError("invalid", `${flag} '${value}' must be a whole number.`);
  return value === undefined ? undefined : Number(value);
};

/** Options that select a task, and the options that each of them allows. */
const ALLOWED_WITH = {
  query: ["param", "format", "compression"],
  sql: ["format", "compression"],
  statement: ["param"],
  target: ["mode", "items", "s3", "url", "format", "compression", "dryRun"],
} as const satisfies Record<string, readonly (keyof SubmitFlags)[]>;
type SourceFlag = keyof typeof ALLOWED_WITH;
const SOURCE_FLAGS = Object.keys(ALLOWED_WITH) as SourceFlag[];
const TASK_FLAGS = new Set<keyof SubmitFlags>([...SOURCE_FLAGS, ...Object.values(ALLOWED_WITH).flat()]);

const flagText = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
/** Returns the names of given task flags. */
const taskFlags = (flags: SubmitFlags) => [...TASK_FLAGS].filter((name) => flags[name] !== undefined);
const definedOnly = (object: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** Builds the contract's request from flags. The platform validates it. */
export function requestFrom(flags: SubmitFlags, params?: Record<string, unknown>): Record<string, unknown> {
  const [kind, second] = SOURCE_FLAGS.filter((flag) => flags[flag] !== undefined);
  if (kind === undefined)
    throw new CommandError("invalid", "Give a FILE with a request, or one of --query, --sql, --statement, --target.");
  // Rejects flags without effect: ignoring --dry-run would run the statement.
  const stray =
    second ??
    taskFlags(flags).find((flag) => flag !== kind && !(ALLOWED_WITH[kind] as readonly string[]).includes(flag));
  if (stray !== undefined)
    throw new CommandError("invalid", `${flagText(kind)} and ${flagText(stray)} cannot be combined.`);
  const { query, sql, statement, target, mode, format, compression, dryRun } = flags;
  const task =
    kind === "target"
      ? { type: "update", ...definedOnly({ target, mode, source: source(flags), format, compression, dryRun }) }
      : kind === "statement"
        ? { type: "update", ...definedOnly({ statement, params }) }
        : { type: "read", ...definedOnly({ query, sql, params, format, compression }) };
  return { ...requestFields(flags), task };
}

/** Fields of a request from flags, without its task. */
const requestFields = (flags: SubmitFlags) =>
  definedOnly({
    requestId: flags.id,
    tenant: flags.tenant,
    priority: number("--priority", flags.priority),
    timeoutSeconds: number("--timeout", flags.timeout),
    labels: flags.label && pairs(flags.label, "--label"),
    reply: flags.reply,
  });

function source({ items, s3, url }: SubmitFlags): object {
  if ([items, s3, url].filter((value) => value !== undefined).length !== 1)
    throw new CommandError(
      "invalid",
      "--target needs one of --items, --s3, --url. `rates load FILE` loads a file of this machine.",
    );
  if (items !== undefined) return { inline: readJsonFile(items) };
  return s3 !== undefined ? { s3 } : { url };
}

/** Reads a request from a file, or stdin for `-`; request flags override its fields, task flags are rejected. */
export async function requestIn(file: string, flags: SubmitFlags): Promise<Record<string, unknown>> {
  const [stray] = taskFlags(flags);
  if (stray !== undefined)
    throw new CommandError(
      "invalid",
      `${flagText(stray)} cannot be combined with a FILE. Set it in the request's task.`,
    );
  const request = readJsonFile(file);
  if (request === null || typeof request !== "object" || Array.isArray(request))
    throw new CommandError(
      "invalid",
      `${file === "-" ? "stdin" : printableName(file)} must be a request: one JSON object.`,
    );
  return { ...request, ...requestFields(flags) };
}

function readJsonFile(file: string): unknown {
  const name = file === "-" ? "stdin" : printableName(file);
  const content = readText(file);
  if (content.trim() === "") throw new CommandError("invalid", `${name} is empty.`);
  let read: ParsedJson;
  try {
    read = readJson(content);
  } catch (error) {
    throw new CommandError("invalid", `${name} is not JSON: ${(error as Error).message}`);
  }
  const [problem] = read.problems;
  if (problem) throw new CommandError("invalid", `${name}: ${problem.field} ${problem.message}`);
  return read.value;
}

/** Maximum attempts of a request whose response is lost. */
const MAX_ATTEMPTS = 3;
/** Delay before the second attempt, doubled for the third. Milliseconds. */
const RETRY_DELAY_MS = 500;

/**
 * Submits a request. The id is generated here, so that a request whose response was lost can be resent as the same job:
 * its prices are loaded once.
 * @returns the response, and a client for the job's tenant
 */
export async function submit(
  client: Client,
  request: Record<string, unknown>,
): Promise<Submitted & { client: Client }> {
  const identified = { requestId: randomUUID(), ...request };
  const owner = client.forTenant(typeof request.tenant === "string" ? request.tenant : client.tenant);
  for (let turn = 1; ; turn++)
    try {
      return { ...(await client.json<Submitted>("POST", "/jobs", identified)), client: owner };
    } catch (error) {
      if (!(error instanceof CommandError && error.mayHaveTakenEffect)) throw error;
      if (turn === MAX_ATTEMPTS) {
        const next = `The request may have been accepted. Check with ${owner.hint("show", String(identified.requestId))}.`;
        throw new CommandError(error.exit, `${error.message}\n${next}`, { data: error.data });
      }
      await pause(RETRY_DELAY_MS * 2 ** (turn - 1));
    }
}
