import type { TSchema } from "typebox";
import { StackConfig, TRACKING_STORES } from "./schema.ts";

/** Description of one field of a stack's configuration. */
interface Field {
  readonly key: string;
  readonly type: string;
  readonly defaultText: string;
  readonly description: string;
}

/** Properties of a schema that the table shows. */
interface SchemaField {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: TSchema;
  readonly properties?: Record<string, TSchema>;
  readonly required?: readonly string[];
}

/** Returns a Markdown table of all keys of Pulumi.<stack>.yaml: type, bounds, default, description. */
export function configTable(): string {
  const { tracking, ...rest } = StackConfig.properties;
  const { default: trackingDefault } = tracking as SchemaField;
  const store = {
    key: "tracking.store",
    type: Object.keys(TRACKING_STORES)
      .map((name) => `\`${name}\``)
      .join(", "),
    defaultText: `\`${JSON.stringify((trackingDefault as { store: string }).store)}\``,
    description: "store in which documents are searched",
  };
  const fields = [
    ...fieldsOf({ ...StackConfig, properties: rest } as SchemaField, ""),
    store,
    ...Object.entries(TRACKING_STORES).flatMap(([name, schema]) =>
      fieldsOf(schema as SchemaField, "tracking.")
        .filter(({ key }) => key !== store.key)
        .map((field) => ({ ...field, description: `${field.description} (store ${name})` })),
    ),
  ];
  const lines = fields.map(
    ({ key, type, defaultText, description }) => `| \`${key}\` | ${type} | ${defaultText} | ${description} |`,
  );
  return ["| Key | Type | Default | Description |", "|---|---|---|---|", ...lines].join("\n");
}

/**
 * Returns the fields of an object and of the objects in it.
 *
 * @param required - Text in the default column of a required field.
 */
function fieldsOf(schema: SchemaField, prefix: string, required = "required"): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const field = property as SchemaField;
    const key = `${prefix}${name}`;
    const isRequired = schema.required?.includes(name);
    if (field.properties) return fieldsOf(field, `${key}.`, isRequired ? required : `required if \`${key}\` is set`);
    const items = field.items as SchemaField | undefined;
    const row = {
      key,
      type: typeOf(field),
      defaultText: field.default !== undefined ? `\`${JSON.stringify(field.default)}\`` : isRequired ? required : "–",
      description: field.description ?? items?.description ?? "",
    };
    return items?.properties ? [row, ...fieldsOf(items, `${key}[].`)] : [row];
  });
}

function typeOf({ type, enum: choices, const: constant, minimum, maximum, items }: SchemaField): string {
  if (constant !== undefined) return `\`${constant}\``;
  if (choices) return choices.map((choice) => `\`${choice}\``).join(", ");
  if (type === "array") return `list of ${typeOf((items ?? {}) as SchemaField)}`;
  if (minimum !== undefined && maximum !== undefined) return `${type} ${minimum}–${maximum}`;
  return minimum === undefined ? (type ?? "") : `${type} ≥ ${minimum}`;
}
