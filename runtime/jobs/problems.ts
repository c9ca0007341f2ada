import { closest, distance } from "fastest-levenshtein";
import type { TSchema } from "typebox";
import { Settings } from "typebox/system";
import Value from "typebox/value";
import type { Problem } from "./errors.ts";

/** " Did you mean 'x'?" when one of the known names is near, else the names there are (at most ten). */
export function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const begun = name.length >= 3 ? known.find((one) => one.startsWith(name) || name.startsWith(one)) : undefined;
  const near = begun ?? closest(name, [...known]);
  if (begun || distance(name, near) <= Math.max(2, Math.floor(name.length / 3))) return ` Did you mean '${near}'?`;
  return ` There ${known.length === 1 ? "is" : "are"}: ${known.slice(0, 10).join(", ")}${known.length > 10 ? ", …" : ""}.`;
}

/**
 * Everything that is wrong with a value, as sentences a caller can act on: each with the field's path (`task.params.day`),
 * the value found (cut short), and what it has to be. Empty: the value fits the schema.
 */
export function problemsOf(schema: TSchema, value: unknown, path = ""): Problem[] {
  if (Value.Check(schema, value)) return [];
  const problems: Problem[] = [];
  for (const error of errorsOf(schema, value)) {
    const field = join(path, error.instancePath.slice(1).replaceAll("/", "."));
    const found = at(value, error.instancePath);
    const params = error.params as Record<string, unknown>;
    if (error.keyword === "boolean") continue; // additionalProperties says the same, with the names
    if (error.keyword === "additionalProperties") {
      const known = Object.keys((schemaAt(schema, error.schemaPath) as { properties?: object }).properties ?? {});
      for (const name of params.additionalProperties as string[])
        problems.push({
          field: join(field, name),
          value: brief((found as Record<string, unknown>)[name]),
          message: `is not a field here.${suggestion(name, known)}`,
        });
    } else if (error.keyword === "required") {
      for (const name of params.requiredProperties as string[])
        problems.push({ field: join(field, name), message: "is missing." });
    } else {
      problems.push({
        field: field || "request",
        value: brief(found),
        message: sentence(error.keyword, params, schemaAt(schema, error.schemaPath), error.message),
      });
    }
  }
  return problems;
}

/**
 * All errors: TypeBox stops at its eighth by default, and counts those that say nothing of their own, so that eight
 * unknown fields would leave no error to report and pass for a value that fits.
 */
function errorsOf(schema: TSchema, value: unknown): ReturnType<typeof Value.Errors> {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: Number.MAX_SAFE_INTEGER });
  try {
    return Value.Errors(schema, value);
  } finally {
    Settings.Set({ maxErrors });
  }
}

/** A value short enough for a message or a log. Of a URL neither query (a signature may stand there) nor password. */
export function brief(value: unknown): unknown {
  if (typeof value === "string") {
    const safe = value.replace(/(:\/\/)[^/?#]*@/g, "$1…@").replace(/(:\/\/[^?#\s]*)[?#][^\s"]*/g, "$1?…");
    return safe.length > 100 ? `${safe.slice(0, 100)}…` : safe;
  }
  return value === null || typeof value !== "object" ? value : brief(JSON.stringify(value));
}

function sentence(keyword: string, params: Record<string, unknown>, schema: unknown, fallback: string): string {
  const {
    enum: choices,
    description,
    pattern,
  } = schema as { enum?: unknown[]; description?: string; pattern?: string };
  switch (keyword) {
    case "enum":
      return `has to be one of: ${(choices ?? []).join(", ")}.`;
    case "type":
      return `has to be of type ${String(params.type)}.`;
    case "pattern":
      return `has to be ${description ?? `text that matches ${pattern}`}.`;
    case "format":
      return description === undefined ? `${fallback}.` : `has to be ${description}.`;
    case "minimum":
    case "maximum":
      return `has to be ${String(params.comparison)} ${String(params.limit)}.`;
    case "minLength":
    case "maxLength":
      return `has to have at ${keyword === "minLength" ? "least" : "most"} ${String(params.limit)} characters.`;
    case "minItems":
    case "maxItems":
      return `has to have at ${keyword === "minItems" ? "least" : "most"} ${String(params.limit)} items.`;
    case "maxProperties":
      return `has to have at most ${String(params.limit)} fields.`;
    default:
      return `${fallback}.`;
  }
}

const join = (path: string, name: string) => (path && name ? `${path}.${name}` : path || name);

const at = (value: unknown, pointer: string): unknown => walk(value, pointer.slice(1));
const schemaAt = (schema: unknown, pointer: string): unknown => walk(schema, pointer.replace(/^#\/?/, "")) ?? {};

const walk = (start: unknown, pointer: string): unknown =>
  pointer === ""
    ? start
    : pointer
        .split("/")
        .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
        .reduce<unknown>(
          (value, part) =>
            value !== null && typeof value === "object" ? (value as Record<string, unknown>)[part] : undefined,
          start,
        );
