import { readFileSync } from "node:fs";
import { join } from "node:path";
import Type, { type TSchema } from "typebox";
import Value from "typebox/value";
import { parse } from "yaml";
import { brief, problemsOf, suggestion } from "../runtime/jobs/problems.ts";
import { type ConfigProblem, crossChecks } from "./checks.ts";
import { StackConfig, TRACKING_STORES } from "./schema.ts";

/** A stack's configuration with its defaults filled in, or everything that is wrong with it. */
export type ParsedConfig =
  | { config: StackConfig; problems?: undefined }
  | { config?: undefined; problems: ConfigProblem[] };

/** The project's name: the prefix of its keys in Pulumi.<stack>.yaml. */
export const PROJECT = "rates-platform";

/**
 * Checks a stack's configuration: keys without the project's prefix, values as Pulumi or YAML has them. What fields have
 * to say to each other is checked once each of them is right by itself.
 */
export function parseStackConfig(raw: unknown, stack: string): ParsedConfig {
  const { schema, problems: stores } = schemaFor(raw);
  const filled = Value.Default(schema, structuredClone(raw ?? {}));
  const problems = [
    ...stores,
    ...problemsOf(schema, filled).map(({ field, value, message }) => {
      const key = field ?? "";
      return { key, ...(value === undefined ? {} : { value }), message: explained(schema, key, message) };
    }),
  ];
  if (problems.length > 0) return { problems };
  const config = Value.Parse(StackConfig, filled);
  const crossed = crossChecks(config, stack);
  return crossed.length > 0 ? { problems: crossed } : { config };
}

/**
 * The StackConfig of Pulumi.<stack>.yaml in a directory (the working directory). Throws an error that names every
 * problem, or that there is no such file or it is no YAML.
 */
export function readStackFile(stack: string, directory = "."): StackConfig {
  const name = `Pulumi.${stack}.yaml`;
  const { config, problems } = parseStackConfig(ownKeys(read(join(directory, name)), name), stack);
  if (config) return config;
  throw new Error(`${name} is not valid:\n${listProblems(problems)}`);
}

/** Problems as lines, each with key, value and message. */
export const listProblems = (problems: readonly ConfigProblem[]): string =>
  problems
    .map(({ key, value, message }) => `  ${key}${value === undefined ? "" : ` ${JSON.stringify(value)}`} ${message}`)
    .join("\n");

/** The schema with the one shape of `tracking` that its store names: errors of a union name all shapes at once. */
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
      value: brief(store),
      message: `has to be one of: ${stores.join(", ")}.${suggestion(String(store), stores)}`,
    });
  }
  return { schema: Type.Object({ ...StackConfig.properties, tracking }, { additionalProperties: false }), problems };
}

/** A message with the field's description, unless it stands in it already (patterns are told by their description). */
function explained(schema: TSchema, key: string, message: string): string {
  const field = key.split(".").reduce<unknown>((at, name) => member(member(at, "properties"), name), schema);
  const description = member(field, "description");
  return typeof description === "string" && !message.includes(description)
    ? `${message.slice(0, -1)} (${description}).`
    : message;
}

function read(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** The project's own keys of a stack file, without their prefix. */
function ownKeys(file: unknown, name: string): Record<string, unknown> {
  const config = member(file, "config");
  if (config === null || typeof config !== "object" || Array.isArray(config))
    throw new Error(`${name} has no configuration: write it under 'config:', each key with the prefix '${PROJECT}:'.`);
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key.startsWith(`${PROJECT}:`) ? [[key.slice(PROJECT.length + 1), value]] : [],
    ),
  );
}

const member = (value: unknown, name: string): unknown =>
  value !== null && typeof value === "object" && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
