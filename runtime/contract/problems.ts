import { closest, distance } from "fastest-levenshtein";
import type { TSchema } from "typebox";
import Format from "typebox/format";
import { PROBLEM_LIMITS } from "./inputLimits.ts";
import { fieldName, ProblemList } from "./problemList.ts";

/** Suggests the nearest known name (" Did you mean 'x'?"), or lists up to ten known names if none is similar. */
export function suggestion(text: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  // Computing the distance takes time in proportion to the product of the lengths.
  const name = text.slice(0, PROBLEM_LIMITS.name);
  const prefixMatch =
    name.length >= 3 ? known.find((candidate) => candidate.startsWith(name) || name.startsWith(candidate)) : undefined;
  const nearest = prefixMatch ?? closest(name, [...known]);
  if (prefixMatch || distance(name, nearest) <= Math.max(2, Math.floor(name.length / 3)))
    return ` Did you mean '${nearest}'?`;
  return ` Known: ${known.slice(0, 10).join(", ")}${known.length > 10 ? ", …" : ""}.`;
}

/**
 * Checks a value against a schema.
 *
 * @returns The problems, each with the path of the field (`task.params.day`), the cut value and the requirement; empty
 * for a valid value.
 *
 * @example
 * ```ts
 * import { problemsOf } from "./problems.ts";
 * import { Request } from "./request.ts";
 *
 * const problems = problemsOf(Request, { requestId: "prices-1", task: { type: "read" } });
 * for (const { field, message } of problems) console.log(`${field} ${message}`);
 * ```
 */
export function problemsOf(schema: TSchema, value: unknown, path = ""): ProblemList {
  const checker = new Checker(new ProblemList(), path === "" ? [] : [path]);
  checker.check(schema as Schema, value);
  return checker.problems;
}

/**
 * Returns a copy of a value, with the defaults of missing properties filled in. Copies only the objects that the schema
 * describes; the rest is shared with the original.
 *
 * @example
 * ```ts
 * import { withDefaults } from "./problems.ts";
 * import { QueryTask } from "./request.ts";
 *
 * withDefaults(QueryTask, { type: "read", query: "average_rates" }); // with params {}, format csv, compression none
 * ```
 */
export function withDefaults(schema: TSchema, value: unknown): unknown {
  const { properties, default: fallback } = schema as Schema;
  const valueOrDefault = value === undefined && fallback !== undefined ? structuredClone(fallback) : value;
  if (!properties || !isObject(valueOrDefault)) return valueOrDefault;
  const filled: Record<string, unknown> = { ...valueOrDefault };
  for (const [name, inner] of Object.entries(properties)) {
    const filledValue = withDefaults(
      inner as TSchema,
      Object.hasOwn(valueOrDefault, name) ? valueOrDefault[name] : undefined,
    );
    if (filledValue !== undefined) filled[name] = filledValue;
  }
  return filled;
}

/** Supported keywords of JSON Schema. */
interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
  patternProperties?: Record<string, Schema>;
  propertyNames?: Schema;
  maxProperties?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  description?: string;
  /** Completes "must be …" in a message. @default the description */
  rule?: string;
  default?: unknown;
}
/** Checked and descriptive keywords. */
const KEYWORDS = new Set(
  (
    "type const enum anyOf properties required additionalProperties patternProperties propertyNames maxProperties items " +
    "minItems maxItems uniqueItems minLength maxLength pattern format minimum maximum " +
    "description rule default examples title deprecated"
  ).split(" "),
);

/** Returns true if a text has a format. A date-time is a time of RFC 3339: without a suffix such as `[UTC]`. */
const hasFormat = (format: string, value: string): boolean =>
  Format.Test(format, value) && !(format === "date-time" && value.includes("["));

/** Returns true for a JSON object. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const TYPES: Record<string, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  integer: Number.isInteger,
  number: Number.isFinite,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

/** Compiled checks of a schema. */
interface CompiledSchema {
  schema: Schema;
  isType: ((value: unknown) => boolean) | undefined;
  pattern: RegExp | undefined;
  required: readonly string[];
  properties: readonly (readonly [string, Schema])[];
  /** Schema of each value of a map. */
  valueSchema: Schema | undefined;
  /** Maximum length of a map's keys. */
  maxKeyLength: number;
}

const compiledSchemas = new WeakMap<object, CompiledSchema>();

/** @throws Error if the schema has an unsupported keyword */
function compiledSchema(schema: Schema): CompiledSchema {
  const cached = compiledSchemas.get(schema);
  if (cached) return cached;
  const unknown = Object.keys(schema).find((keyword) => !KEYWORDS.has(keyword));
  if (unknown !== undefined)
    throw new Error(`The JSON Schema keyword '${unknown}' is not supported (runtime/contract/problems.ts).`);
  const patterns = Object.entries(schema.patternProperties ?? {});
  if (patterns.some(([pattern]) => pattern !== "^.*$"))
    throw new Error("patternProperties supports only the pattern ^.*$ (runtime/contract/problems.ts).");
  const [, valueSchema] = patterns[0] ?? [];
  const compiled: CompiledSchema = {
    schema,
    isType: schema.type === undefined ? undefined : TYPES[schema.type],
    pattern: schema.pattern === undefined ? undefined : new RegExp(schema.pattern, "u"),
    required: schema.required ?? [],
    properties: Object.entries(schema.properties ?? {}),
    valueSchema: valueSchema && Object.keys(valueSchema).length > 0 ? valueSchema : undefined,
    maxKeyLength: schema.propertyNames?.maxLength ?? Number.POSITIVE_INFINITY,
  };
  compiledSchemas.set(schema, compiled);
  return compiled;
}

/**
 * Checks a value against a schema in one pass. TypeBox's `Value.Errors` either creates an object for each error (a
 * batch may have 50,000) or stops without a total. This class counts all errors and describes only the listed ones.
 */
class Checker {
  readonly problems: ProblemList;
  readonly #path: (string | number)[];

  constructor(problems: ProblemList, path: readonly (string | number)[]) {
    this.problems = problems;
    this.#path = [...path];
  }

  check(schema: Schema, value: unknown): void {
    const compiled = compiledSchema(schema);
    if (schema.anyOf) {
      const branches = schema.anyOf.map((branch) => {
        const checker = new Checker(new ProblemList(), this.#path);
        checker.check(branch, value);
        return checker.problems;
      });
      // If no branch matches, reports the problems of the first.
      if (branches.every((problems) => problems.length > 0)) this.problems.addAll(branches[0] ?? []);
      return;
    }
    const message = this.#ownProblem(compiled, value);
    if (message !== undefined) this.#addProblem(value, message);
    else if (Array.isArray(value)) this.#checkItems(compiled, value);
    else if (isObject(value)) this.#checkProperties(compiled, value);
  }

  /** Returns the problem of a value itself, without its fields. */
  #ownProblem({ schema, isType, pattern }: CompiledSchema, value: unknown): string | undefined {
    if (isType && !isType(value)) return `must be of type ${schema.type}.`;
    if ("const" in schema && value !== schema.const) return `must be ${JSON.stringify(schema.const)}.`;
    if (schema.enum && !schema.enum.includes(value)) return `must be one of: ${schema.enum.join(", ")}.`;
    const { minimum, maximum, minLength, maxLength, minItems, format, rule = schema.description } = schema;
    if (typeof value === "number") {
      if (minimum !== undefined && value < minimum) return `must be at least ${minimum}.`;
      if (maximum !== undefined && value > maximum) return `must be at most ${maximum}.`;
    } else if (typeof value === "string") {
      if (minLength !== undefined && value.length < minLength)
        return minLength === 1 ? "must not be empty." : `must have at least ${minLength} characters.`;
      if (maxLength !== undefined && value.length > maxLength)
        return `must have at most ${maxLength} characters (has ${value.length}).`;
      if (pattern && !pattern.test(value)) return `must be ${rule ?? `text that matches ${pattern.source}`}.`;
      if (format !== undefined && !hasFormat(format, value)) return `must be ${rule ?? `a ${format}`}.`;
    } else if (Array.isArray(value)) {
      if (minItems !== undefined && value.length < minItems)
        return minItems === 1 ? "must not be empty." : `must have at least ${minItems} items.`;
      if (schema.uniqueItems && new Set(value).size < value.length) return "must not contain duplicates.";
    }
    return undefined;
  }

  #checkItems({ schema: { items, maxItems } }: CompiledSchema, value: readonly unknown[]): void {
    const totalBefore = this.problems.total;
    const isType = items && compiledSchema(items).isType;
    for (let index = 0; items && index < value.length; index++) {
      const item = value[index];
      // Only counts further problems: a list can have tens of thousands of invalid items.
      if (isType && this.problems.isFull && !isType(item)) this.problems.unlisted++;
      else this.#checkInner(index, items, item);
    }
    // Problems of items are more useful than the number of items.
    if (maxItems !== undefined && value.length > maxItems && this.problems.total === totalBefore)
      this.#addProblem(value, `must have at most ${maxItems} items (has ${value.length}).`);
  }

  #checkProperties(
    { schema, required, properties, valueSchema, maxKeyLength }: CompiledSchema,
    value: Record<string, unknown>,
  ): void {
    const { additionalProperties, maxProperties } = schema;
    if (maxProperties !== undefined) {
      let count = 0;
      for (const _ in value) count++;
      if (count > maxProperties) {
        this.#addProblem(value, `must have at most ${maxProperties} fields (has ${count}).`);
        return;
      }
    }
    if (additionalProperties === false) this.#addUnknownFields(schema.properties ?? {}, value);
    for (const name of required)
      if (!Object.hasOwn(value, name) || value[name] === undefined)
        this.problems.add(() => ({ field: this.#fieldPath(name), message: "is missing." }));
    for (const [name, inner] of properties)
      if (Object.hasOwn(value, name) && value[name] !== undefined) this.#checkInner(name, inner, value[name]);
    if (!valueSchema && maxKeyLength === Number.POSITIVE_INFINITY) return;
    for (const name in value) {
      if (name.length > maxKeyLength)
        this.problems.add(() => ({
          field: this.#fieldPath(name),
          message: `has a name of ${name.length} characters; names have at most ${maxKeyLength}.`,
        }));
      if (valueSchema) this.#checkInner(name, valueSchema, value[name]);
    }
  }

  #addUnknownFields(known: Record<string, Schema>, value: Record<string, unknown>): void {
    for (const name in value)
      if (!Object.hasOwn(known, name))
        this.problems.add(() => ({
          field: this.#fieldPath(name),
          value: value[name],
          message: `is not a known field.${suggestion(name, Object.keys(known))}`,
        }));
  }

  #checkInner(name: string | number, schema: Schema, value: unknown): void {
    this.#path.push(name);
    this.check(schema, value);
    this.#path.pop();
  }

  #addProblem(value: unknown, message: string): void {
    this.problems.add(() => ({ field: this.#fieldPath() || "request", value, message }));
  }

  #fieldPath(name?: string): string {
    return fieldName(name === undefined ? this.#path : [...this.#path, name]);
  }
}
