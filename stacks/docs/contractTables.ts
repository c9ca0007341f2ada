import * as request from "../../runtime/contract/request.ts";
import { readSettings } from "../../runtime/platform/settings.ts";
import { TARGETS } from "../../runtime/runner/load/targets.ts";

/** Properties of a JSON schema that the table uses. */
interface FieldSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly FieldSchema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly rule?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
}

const { timeoutSeconds, maxTimeoutSeconds } = readSettings({}).jobs;

/** Default values of the settings that descriptions name. */
const SETTINGS: Readonly<Record<string, number>> = {
  "`jobs.timeoutSeconds`": timeoutSeconds,
  "`jobs.maxTimeoutSeconds`": maxTimeoutSeconds,
};

const TASKS: Readonly<Record<string, unknown>> = {
  "named query": request.QueryTask,
  SQL: request.SqlTask,
  "inline batch": request.InlineTask,
  "S3 batch": request.S3Task,
  "URL batch": request.UrlTask,
  statement: request.StatementTask,
};

interface Field {
  /** Names of the tasks that have the field. */
  readonly tasks: Set<string>;
  readonly types: Set<string>;
  readonly defaults: Set<string>;
  readonly description: string | undefined;
}

/** Returns a Markdown table of all fields of a request: tasks, type and bounds, default, description. */
export function requestTable(): string {
  const fields = new Map<string, Field>();
  const { task: _, ...envelope } = (request.Request as FieldSchema).properties ?? {};
  collectFields(fields, { ...(request.Request as FieldSchema), properties: envelope }, "", "every request");
  for (const [name, schema] of Object.entries(TASKS)) collectFields(fields, schema as FieldSchema, "task.", name);

  const lines = [...fields].map(([key, { tasks, types, defaults, description }]) => {
    if (description === undefined) throw new Error(`runtime/contract/request.ts does not describe ${key}`);
    const taskText = tasks.size === Object.keys(TASKS).length ? "every task" : [...tasks].join(", ");
    const descriptionText = Object.entries(SETTINGS).reduce(
      (text, [name, value]) => text.replace(name, `${name} (${value})`),
      description,
    );
    return `| \`${key}\` | ${taskText} | ${[...types].join(", ")} | ${[...defaults].join(" or ")} | ${descriptionText} |`;
  });
  return ["| field | used in | type | default | description |", "|---|---|---|---|---|", ...lines].join("\n");
}

function collectFields(fields: Map<string, Field>, schema: FieldSchema, prefix: string, task: string): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const key = `${prefix}${name}`;
    if (field.properties) {
      collectFields(fields, field, `${key}.`, task);
      continue;
    }
    const known = fields.get(key) ?? {
      tasks: new Set(),
      types: new Set(),
      defaults: new Set(),
      description: field.description,
    };
    fields.set(key, known);
    known.tasks.add(task);
    for (const type of typesOf(field)) known.types.add(type);
    const defaultText = schema.required?.includes(name) ? "required" : "–";
    known.defaults.add(field.default === undefined ? defaultText : `\`${JSON.stringify(field.default)}\``);
  }
}

function typesOf({ type, minimum, maximum, minItems, maxLength, rule, ...field }: FieldSchema): string[] {
  const maxText =
    maxLength === undefined || rule?.includes("at most")
      ? ""
      : `, at most ${maxLength.toLocaleString("en")} characters`;
  if (field.anyOf) return field.anyOf.flatMap(typesOf);
  if (field.const !== undefined) return [`\`${field.const}\``];
  if (field.enum) return field.enum.map((choice) => `\`${choice}\``);
  if (type === "string") return [(rule ?? "text") + maxText];
  if (minimum !== undefined) return [`whole number, ${minimum} ${maximum === undefined ? "or more" : `to ${maximum}`}`];
  if (minItems !== undefined) return [`list of objects, ${minItems} or more`];
  return [type ?? ""];
}

/** Returns a Markdown table of the columns of each batch target. */
export function columnsTable(): string {
  const lines = Object.entries(TARGETS).map(([target, { columns, remove }]) => {
    const names = columns.map(
      ({ name, json, optional }) =>
        `\`${name}\`${json === "integer" ? " (whole number)" : ""}${optional ? " (may be empty)" : ""}`,
    );
    return `| \`${target}\` | ${names.join(", ")} | ${remove ? "none: identical rows are allowed" : `\`${columns[0]?.name}\``} |`;
  });
  return ["| target | columns | key |", "|---|---|---|", ...lines].join("\n");
}
