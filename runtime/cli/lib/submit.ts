import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type ParsedJson, readJson } from "../../contract/json.ts";
import type { Client } from "./apiClient.ts";
import type { Submitted } from "./connection.ts";
import { CommandError } from "./exits.ts";
import { printableName, readText } from "./files.ts";

/** Flags of `rates submit` and of the other commands that submit jobs. */
export interface SubmitFlags {
  query?: string;
  sql?: string;
  /** File with the SQL. */
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

/** Parses key=value arguments. Rejects a key with two different values. */
export function parsePairs(list: readonly string[], flag: string): Record<string, string> {
  const values = new Map<string, string>();
  for (const pair of list) {
    const at = pair.indexOf("=");
    if (at < 1) throw new CommandError("invalid", `${flag} '${pair}' must be of the form key=value.`);
    const [key, value] = [pair.slice(0, at), pair.slice(at + 1)];
    if (values.has(key) && values.get(key) !== value)
      throw new CommandError("invalid", `${flag} ${key} is given twice with different values. Keep one.`);
    values.set(key, value);
  }
  return Object.fromEntries(values);
}

/** Replaces --file by --sql with the file's content. */
export function withSqlFile<T extends SubmitFlags>({ file, ...flags }: T): T {
  if (file === undefined) return flags as T;
  if (flags.sql !== undefined) throw new CommandError("invalid", "--sql and --file cannot be combined.");
  const sql = readText(file);
  if (sql.trim() === "") throw new CommandError("invalid", `${file === "-" ? "stdin" : printableName(file)} is empty.`);
  return { ...flags, sql } as T;
}

/** Parses the whole number of a flag. */
const parseWholeNumber = (flag: string, value: string | undefined): number | undefined => {
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
type SelectingFlag = keyof typeof ALLOWED_WITH;
const SELECTING_FLAGS = Object.keys(ALLOWED_WITH) as SelectingFlag[];
const TASK_FLAGS = new Set<keyof SubmitFlags>([...SELECTING_FLAGS, ...Object.values(ALLOWED_WITH).flat()]);

const flagText = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
/** Returns the names of the given task flags. */
const taskFlags = (flags: SubmitFlags) => [...TASK_FLAGS].filter((name) => flags[name] !== undefined);
const definedOnly = (object: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** Builds the contract's request from flags. The platform validates it. */
export function requestFromFlags(flags: SubmitFlags, params?: Record<string, unknown>): Record<string, unknown> {
  const [kind, second] = SELECTING_FLAGS.filter((flag) => flags[flag] !== undefined);
  if (kind === undefined)
    throw new CommandError("invalid", "Give a FILE with a request, or one of --query, --sql, --statement, --target.");
  // Rejects flags without effect: ignoring --dry-run would run the statement.
  const conflicting =
    second ??
    taskFlags(flags).find((flag) => flag !== kind && !(ALLOWED_WITH[kind] as readonly string[]).includes(flag));
  if (conflicting !== undefined)
    throw new CommandError("invalid", `${flagText(kind)} and ${flagText(conflicting)} cannot be combined.`);
  const { query, sql, statement, target, mode, format, compression, dryRun } = flags;
  const task =
    kind === "target"
      ? { type: "update", ...definedOnly({ target, mode, source: sourceFrom(flags), format, compression, dryRun }) }
      : kind === "statement"
        ? { type: "update", ...definedOnly({ statement, params }) }
        : { type: "read", ...definedOnly({ query, sql, params, format, compression }) };
  return { ...requestFields(flags), task };
}

/** Builds the fields of a request from flags, except its task. */
const requestFields = (flags: SubmitFlags) =>
  definedOnly({
    requestId: flags.id,
    tenant: flags.tenant,
    priority: parseWholeNumber("--priority", flags.priority),
    timeoutSeconds: parseWholeNumber("--timeout", flags.timeout),
    labels: flags.label && parsePairs(flags.label, "--label"),
    reply: flags.reply,
  });

function sourceFrom({ items, s3, url }: SubmitFlags): object {
  if ([items, s3, url].filter((value) => value !== undefined).length !== 1)
    throw new CommandError(
      "invalid",
      "--target needs one of --items, --s3, --url. `rates load FILE` loads a file of this machine.",
    );
  if (items !== undefined) return { inline: readJsonFile(items) };
  return s3 !== undefined ? { s3 } : { url };
}

/** Reads a request from a file, or from stdin for `-`. Flags override the request's fields; task flags are rejected. */
export async function requestFromFile(file: string, flags: SubmitFlags): Promise<Record<string, unknown>> {
  const [conflicting] = taskFlags(flags);
  if (conflicting !== undefined)
    throw new CommandError(
      "invalid",
      `${flagText(conflicting)} cannot be combined with a FILE. Set it in the request's task.`,
    );
  const request = readJsonFile(file);
  if (request === null || typeof request !== "object" || Array.isArray(request))
    throw new CommandError(
      "invalid",
      `${file === "-" ? "stdin" : printableName(file)} must be a request: a single JSON object.`,
    );
  return { ...request, ...requestFields(flags) };
}

function readJsonFile(file: string): unknown {
  const name = file === "-" ? "stdin" : printableName(file);
  const content = readText(file);
  if (content.trim() === "") throw new CommandError("invalid", `${name} is empty.`);
  let parsed: ParsedJson;
  try {
    parsed = readJson(content);
  } catch (error) {
    throw new CommandError("invalid", `${name} is not JSON: ${(error as Error).message}`);
  }
  const [problem] = parsed.problems;
  if (problem) throw new CommandError("invalid", `${name}: ${problem.field} ${problem.message}`);
  return parsed.value;
}

/** Maximum attempts of a request whose response is lost. */
const MAX_ATTEMPTS = 3;
/** Delay before the second attempt in milliseconds, doubled for the third. */
const RETRY_DELAY_MS = 500;

/**
 * Submits a request. A missing id is generated here, so that resending the request after a lost response does not
 * create a second job.
 * @returns the response, and a client for the job's tenant
 */
export async function submit(
  client: Client,
  request: Record<string, unknown>,
): Promise<Submitted & { client: Client }> {
  const requestWithId = { requestId: randomUUID(), ...request };
  const tenantClient = client.forTenant(typeof request.tenant === "string" ? request.tenant : client.tenant);
  for (let attempt = 1; ; attempt++)
    try {
      return { ...(await client.json<Submitted>("POST", "/jobs", requestWithId)), client: tenantClient };
    } catch (error) {
      if (!(error instanceof CommandError && error.mayHaveTakenEffect)) throw error;
      if (attempt === MAX_ATTEMPTS) {
        const hint = `The request may have been accepted. Check with ${tenantClient.hint("show", String(requestWithId.requestId))}.`;
        throw new CommandError(error.exit, `${error.message}\n${hint}`, { data: error.data });
      }
      await pause(RETRY_DELAY_MS * 2 ** (attempt - 1));
    }
}
