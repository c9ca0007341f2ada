import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { distance } from "fastest-levenshtein";
import Type, { type TSchema } from "typebox";
import Value from "typebox/value";
import { parse } from "yaml";
import type { CapacityPlan } from "../../infra/limits/capacity.ts";
import { redactAndTruncate } from "../../runtime/contract/problemList.ts";
import { problemsOf, suggestion } from "../../runtime/contract/problems.ts";
import { capacityCheck, planCapacity } from "../planning/capacity.ts";
import { CHECKS } from "./checks.ts";
import { type ConfigCheck, type ConfigProblem, runChecks } from "./problem.ts";
import { StackConfig, TRACKING_STORES } from "./schema.ts";

/** A stack's configuration with its defaults, or all its problems. */
export type ParsedConfig =
  | { config: StackConfig; problems?: undefined }
  | {
      config?: undefined;
      problems: ConfigProblem[];
      /** The configuration with its invalid fields; undefined if it is not an object. */
      invalid: StackConfig | undefined;
    };

/** A stack that fits its account, or all its problems. */
export type PlannedStack =
  | { config: StackConfig; plan: CapacityPlan; problems?: undefined }
  | { config?: undefined; plan?: undefined; problems: ConfigProblem[] };

/** Name of the project: the prefix of its keys in Pulumi.<stack>.yaml. */
export const PROJECT = "rates-platform";

/**
 * Checks a stack's configuration, from Pulumi or YAML, whose keys have no prefix (ownKeys). Reports all problems at once:
 * only checks that read an invalid field are skipped.
 *
 * @example
 * ```ts
 * import { parseStackConfig } from "./parse.ts";
 *
 * const { config, problems } = parseStackConfig({ account: { id: "123456789012", region: "eu-central-1" } }, "dev");
 * if (problems) for (const { key, message } of problems) console.error(`${key} ${message}`);
 * else console.log(config.quotas.share);
 * ```
 */
export function parseStackConfig(raw: unknown, stack: string): ParsedConfig {
  const { schema, problems: storeProblems } = schemaFor(raw);
  const filled = Value.Default(schema, structuredClone(raw ?? {}));
  const problems = [
    ...storeProblems,
    ...problemsOf(schema, filled).map(({ field, value, message }) => {
      const key = field ?? "";
      return { key, ...(value === undefined ? {} : { value }), message: withDescription(schema, key, message) };
    }),
  ];
  if (filled === null || typeof filled !== "object" || Array.isArray(filled)) return { problems, invalid: undefined };
  // Checks read only fields that the schema has found valid.
  const config = filled as StackConfig;
  problems.push(...runChecks(CHECKS, config, stack, keysOf(problems)));
  return problems.length === 0 ? { config: Value.Parse(StackConfig, filled) } : { problems, invalid: config };
}

const keysOf = (problems: readonly ConfigProblem[]) => problems.map(({ key }) => key);

/**
 * Parses a stack's configuration and plans its capacity. Reports all problems of the configuration and the quotas at
 * once; quotas are checked unless a field that their check reads is invalid.
 *
 * @param additionalChecks - Checks that run in addition to those of the schema and the quotas.
 */
export function planStack(raw: unknown, stack: string, additionalChecks: readonly ConfigCheck[] = []): PlannedStack {
  const parsed = parseStackConfig(raw, stack);
  if (parsed.config) {
    const capacity = planCapacity(parsed.config);
    const problems = [...capacity.problems, ...runChecks(additionalChecks, parsed.config, stack, [])];
    return capacity.plan && problems.length === 0 ? { config: parsed.config, plan: capacity.plan } : { problems };
  }
  const { problems, invalid } = parsed;
  if (!invalid) return { problems };
  return {
    problems: [...problems, ...runChecks([capacityCheck, ...additionalChecks], invalid, stack, keysOf(problems))],
  };
}

/**
 * Reads the StackConfig of Pulumi.<stack>.yaml in a directory (by default the working directory).
 *
 * @throws Error that lists every problem, or says that the file or its configuration is missing, or that its YAML is
 * invalid
 *
 * @example
 * ```ts
 * import { readStackFile } from "./parse.ts";
 *
 * const { runners } = readStackFile("dev");
 * console.log(runners.ec2.instanceType);
 * ```
 */
export function readStackFile(stack: string, directory = "."): StackConfig {
  const name = `Pulumi.${stack}.yaml`;
  const config = member(readYaml(join(directory, name)), "config");
  if (config === null || typeof config !== "object" || Array.isArray(config))
    throw new Error(`${name} has no configuration: add it under 'config:', each key with the prefix '${PROJECT}:'.`);
  const { own, problems } = ownKeys(config);
  const parsed = parseStackConfig(own, stack);
  if (parsed.config && problems.length === 0) return parsed.config;
  throw new Error(`${name} is not valid:\n${listProblems([...problems, ...(parsed.problems ?? [])])}`);
}

/**
 * Returns the names of the stacks that have a configuration file in a directory, in the order of the files' names: a copy
 * such as `dev-anna` precedes `dev`, so that it is suggested first for a similar name.
 */
export const stacksIn = (directory: string): string[] =>
  readdirSync(directory)
    .sort()
    .flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);

/** Formats problems as lines, each with key, value and message. */
export const listProblems = (problems: readonly ConfigProblem[]): string =>
  problems
    .map(({ key, value, message }) => `  ${key}${value === undefined ? "" : ` ${JSON.stringify(value)}`} ${message}`)
    .join("\n");

/** Narrows the schema to the configured tracking store, because errors of a union would list the fields of all stores. */
function schemaFor(raw: unknown): { schema: TSchema; problems: ConfigProblem[] } {
  const store = member(member(raw, "tracking"), "store") ?? "postgres";
  const stores = Object.keys(TRACKING_STORES);
  const problems: ConfigProblem[] = [];
  let tracking: TSchema = StackConfig.properties.tracking;
  if (store === "postgres" || store === "opensearch")
    tracking = Type.Object(TRACKING_STORES[store].properties, {
      additionalProperties: false,
      default: { store },
    });
  else {
    tracking = Type.Unknown();
    problems.push({
      key: "tracking.store",
      value: redactAndTruncate(store),
      message: `must be one of: ${stores.join(", ")}.${typeof store === "string" ? suggestion(store, stores) : ""}`,
    });
  }
  return { schema: Type.Object({ ...StackConfig.properties, tracking }, { additionalProperties: false }), problems };
}

/** Appends the field's description to a message, unless the message contains it, as messages about patterns do. */
function withDescription(schema: TSchema, key: string, message: string): string {
  const field = key.split(".").reduce<unknown>((at, name) => member(member(at, "properties"), name), schema);
  const description = member(field, "description");
  return typeof description === "string" && !message.includes(description)
    ? `${message.slice(0, -1)} (${description}).`
    : message;
}

function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Returns the project's own keys of a configuration without their prefix, and a problem for each missing or misspelled
 * prefix.
 */
export function ownKeys(config: object): { own: Record<string, unknown>; problems: ConfigProblem[] } {
  const own: [string, unknown][] = [];
  const problems: ConfigProblem[] = [];
  for (const [key, value] of Object.entries(config)) {
    const colon = key.indexOf(":");
    const prefix = key.slice(0, Math.max(0, colon));
    if (prefix === PROJECT) own.push([key.slice(colon + 1), value]);
    else if (colon === -1 || distance(prefix, PROJECT) <= MAX_PREFIX_DISTANCE)
      problems.push({
        key,
        value: redactAndTruncate(value),
        message: `lacks the project's prefix: write '${PROJECT}:${key.slice(colon + 1)}'.`,
      });
  }
  return { own: Object.fromEntries(own), problems };
}

/** Maximum edit distance of a misspelled prefix. Keys whose prefix differs more belong to other projects. */
const MAX_PREFIX_DISTANCE = 3;

const member = (value: unknown, name: string): unknown =>
  value !== null && typeof value === "object" && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;

/**
 * Parses a configuration value as Pulumi passes it: JSON for an object or a list. Any other value stays text, since
 * Pulumi does not keep its type.
 */
export function parseValue(text: string): unknown {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
