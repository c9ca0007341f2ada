import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { suggestion } from "../contract/problems.ts";
import { redactText } from "../contract/redact.ts";
import { shellWord } from "../contract/shellQuote.ts";
import { HEADERS_VARIABLE, parseHeaders } from "../dispatcher/traces/headers.ts";
import { RUNS_PER_CORE } from "./plan.ts";

/** Parsed options of `npm start -- …`. */
export interface Options {
  /** TCP port of the API; 0 for a free one. */
  port: number;
  /** Absolute path of the data directory. */
  dataDir: string;
  /** Absolute path of a plain pg_dump file to load instead of the sample. */
  dump?: string;
  /** Stack whose capacity is used. */
  stack: string;
  /** Maximum runner processes per core of this machine. */
  runsPerCore: number;
  /** URL of an OpenSearch for tracking documents, instead of Postgres. */
  tracking?: string;
  /** OTLP/HTTP endpoint of a trace collector, from OpenTelemetry's environment variable. */
  traces?: string;
  /** Headers of exports to that collector, from OpenTelemetry's environment variable; may contain its key. */
  traceHeaders?: string;
  help: boolean;
}

/** Thrown if the command line is invalid or the port cannot be used; the message has each problem with its remedy. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const OPTIONS = {
  port: { type: "string", default: "3000", value: "NUMBER", help: "port of the API (3000)" },
  "data-dir": { type: "string", default: ".local", value: "DIR", help: "directory that keeps all data (.local)" },
  dump: {
    type: "string",
    value: "FILE.sql",
    help: "plain pg_dump file to load in place of the sample, into an empty data directory",
  },
  stack: { type: "string", default: "dev", value: "NAME", help: "stack whose capacity is imitated (dev)" },
  "runs-per-core": {
    type: "string",
    default: String(RUNS_PER_CORE.default),
    value: "NUMBER",
    help: `maximum number of runner processes per core of this machine (${RUNS_PER_CORE.default})`,
  },
  tracking: {
    type: "string",
    value: "URL",
    help: "OpenSearch that stores the documents of jobs, for example http://host:9200 (Postgres)",
  },
  help: { type: "boolean", help: "show this text" },
} as const;
type Name = keyof typeof OPTIONS;
const NAMES = Object.keys(OPTIONS) as Name[];
const PORT_MAX = 65_535;

/** Usage text for --help and below the problems of an invalid command line. */
export const USAGE = [
  "npm start -- [options]",
  ...NAMES.map((name) => {
    const option = OPTIONS[name];
    return `  --${name}${"value" in option ? ` ${option.value}` : ""}`.padEnd(26) + option.help;
  }),
].join("\n");

/**
 * Reads the command line. Relative paths start at the directory in which the user called npm (`env.INIT_CWD`), not at
 * the directory in which npm runs its scripts.
 *
 * @throws UsageError with all problems
 */
export function parseOptions(args: string[], env: NodeJS.ProcessEnv = process.env): Options {
  const { values, positionals, tokens } = parseArgs({
    args,
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const problems: string[] = [];

  const consumedByNpm = NAMES.filter((name) => env[`npm_config_${name.replaceAll("-", "_")}`] !== undefined);
  if (consumedByNpm.length > 0) {
    problems.push(
      `npm consumed ${listOptions(consumedByNpm)}: options come after --, for example: ${correctedCommand(consumedByNpm, positionals, env)}`,
    );
  } else if (positionals.length > 0) {
    problems.push(
      `Unexpected argument '${positionals.join(" ")}'. Options come after --, for example: npm start -- --port 3001`,
    );
  }

  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const name = NAMES.find((known) => known === token.name);
    if (name === undefined) problems.push(`There is no option ${token.rawName}.${suggestion(token.name, NAMES)}`);
    else if (seen.has(name)) problems.push(`--${name} is given twice.`);
    else if (OPTIONS[name].type === "string" && !token.value)
      problems.push(`--${name} needs a value: --${name} ${"value" in OPTIONS[name] ? OPTIONS[name].value : ""}`);
    seen.add(token.name);
  }

  const text = (name: Name): string => {
    const value = values[name];
    return typeof value === "string" ? value : "";
  };
  const path = (value: string) => resolve(env.INIT_CWD ?? process.cwd(), value);
  const port = /^\d+$/.test(text("port")) ? Number(text("port")) : Number.NaN;
  if (text("port") !== "" && !(port <= PORT_MAX)) {
    problems.push(`--port is '${text("port")}'; it must be a whole number from 1 to ${PORT_MAX}, or 0 for a free one.`);
  }
  const runsPerCore = /^\d+$/.test(text("runs-per-core")) ? Number(text("runs-per-core")) : Number.NaN;
  if (text("runs-per-core") !== "" && !(runsPerCore >= 1 && runsPerCore <= RUNS_PER_CORE.max)) {
    problems.push(
      `--runs-per-core is '${text("runs-per-core")}'; it must be a whole number from 1 to ${RUNS_PER_CORE.max}.`,
    );
  }
  const dump = text("dump") === "" ? undefined : path(text("dump"));
  const dumpProblem = dump === undefined ? undefined : fileProblem(dump);
  if (dumpProblem !== undefined) problems.push(`--dump: ${dumpProblem}`);
  const tracking = text("tracking") === "" ? undefined : text("tracking");
  const trackingProblem = tracking === undefined ? undefined : urlProblem(tracking);
  if (trackingProblem !== undefined) problems.push(`--tracking ${trackingProblem}`);
  const traces = env[COLLECTOR_VARIABLE] || undefined;
  const tracesProblem = traces === undefined ? undefined : collectorProblem(traces);
  const traceHeaders = env[HEADERS_VARIABLE] || undefined;
  // Without a collector the headers are for another program.
  const headersProblem = traces === undefined || traceHeaders === undefined ? undefined : headerProblem(traceHeaders);
  if (headersProblem !== undefined) problems.push(`${HEADERS_VARIABLE} ${headersProblem}`);
  if (tracesProblem !== undefined) problems.push(`${COLLECTOR_VARIABLE} ${tracesProblem}`);

  if (problems.length > 0) throw new UsageError([...problems, "", USAGE].join("\n"));
  return {
    port,
    dataDir: path(text("data-dir")),
    ...(dump === undefined ? {} : { dump }),
    stack: text("stack"),
    runsPerCore,
    ...(tracking === undefined ? {} : { tracking }),
    ...(traces === undefined ? {} : { traces }),
    ...(traces === undefined || traceHeaders === undefined ? {} : { traceHeaders }),
    help: values.help === true,
  };
}

/**
 * Returns the command that starts the platform with these options, of which `changes` replaces some or leaves them out
 * (undefined). Options that have their default are left out.
 */
export function startCommand(
  { port, dataDir, dump, stack, runsPerCore, tracking }: Omit<Options, "help">,
  changes: Partial<Record<Name, string | undefined>>,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const defaultDataDir = resolve(env.INIT_CWD ?? process.cwd(), OPTIONS["data-dir"].default);
  const values: Partial<Record<Name, string | undefined>> = {
    port: String(port) === OPTIONS.port.default ? undefined : String(port),
    "data-dir": dataDir === defaultDataDir ? undefined : dataDir,
    dump,
    stack: stack === OPTIONS.stack.default ? undefined : stack,
    "runs-per-core": runsPerCore === RUNS_PER_CORE.default ? undefined : String(runsPerCore),
    tracking,
    ...changes,
  };
  const words = NAMES.flatMap((name) => (values[name] === undefined ? [] : [`--${name} ${shellWord(values[name])}`]));
  return ["npm start --", ...words].join(" ");
}

/**
 * Suggests the correct command. npm consumes options before `--`: `--port 3001` arrives as `true` and a separate word,
 * `--port=3001` as `3001`.
 */
function correctedCommand(consumedByNpm: Name[], positionals: string[], env: NodeJS.ProcessEnv): string {
  const words = [...positionals];
  const options = consumedByNpm.map((name) => {
    const value = env[`npm_config_${name.replaceAll("-", "_")}`];
    return `--${name} ${value === "true" ? (words.shift() ?? "…") : value}`;
  });
  return `npm start -- ${options.join(" ")}`;
}

const listOptions = (names: Name[]) => names.map((name) => `--${name}`).join(" and ");

function fileProblem(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : `${path} is not a file.`;
  } catch {
    return `there is no file ${path}.`;
  }
}

/** OpenTelemetry's variable with the endpoint of a collector (OpenTelemetry, Environment Variable Specification). */
const COLLECTOR_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT";

/** Explains why the endpoint of a collector is invalid. */
function collectorProblem(value: string): string | undefined {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol))
    return `is '${redactText(value)}'; it must be a URL, for example http://127.0.0.1:4318.`;
  return /[@?#]/.test(value)
    ? "must be without user, password, query and fragment: put credentials into OTEL_EXPORTER_OTLP_HEADERS."
    : undefined;
}

/** Explains why headers for a collector are invalid, without repeating their values. */
function headerProblem(text: string): string | undefined {
  try {
    parseHeaders(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Explains why the URL of an OpenSearch is invalid. Its value is not repeated if it may contain a password. */
function urlProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return `is '${redactText(value)}'; it must be a URL, for example http://127.0.0.1:9200.`;
  return url.username === "" && url.password === ""
    ? undefined
    : "has a user or a password in it, which would appear in process lists and logs: only an OpenSearch without a login can be used here.";
}
