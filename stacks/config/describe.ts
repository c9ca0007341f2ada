import type { TSchema } from "typebox";
import { StackConfig, TRACKING_STORES } from "./schema.ts";

/** Description of one field of a stack's configuration. */
interface Field {
  readonly key: string;
  readonly type: string;
  readonly defaultText: string;
  readonly description: string;
}

/** Parts of a schema that a reader sees. */
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
  const { tracking: _, ...rest } = StackConfig.properties;
  const fields = [
    ...fieldsOf({ ...StackConfig, properties: rest } as SchemaField, ""),
    ...Object.entries(TRACKING_STORES).flatMap(([store, schema]) =>
      fieldsOf(schema as SchemaField, "tracking.").map((field) =>
        field.key === "tracking.store"
          ? { ...field, description: `store in which documents are searched: ${store}` }
          : { ...field, description: `${field.description} (store ${store})` },
      ),
    ),
  ];
  const lines = fields.map(
    ({ key, type, defaultText, description }) => `| \`${key}\` | ${type} | ${defaultText} | ${description} |`,
  );
  return ["| Key | Type | Default | Description |", "|---|---|---|---|", ...lines].join("\n");
}

function fieldsOf(schema: SchemaField, prefix: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const field = property as SchemaField;
    const key = `${prefix}${name}`;
    if (field.properties) return fieldsOf(field, `${key}.`);
    const items = field.items as SchemaField | undefined;
    const own = {
      key,
      type: typeOf(field),
      defaultText:
        field.default !== undefined
          ? `\`${JSON.stringify(field.default)}\``
          : schema.required?.includes(name)
            ? "required"
            : "none",
      description: field.description ?? items?.description ?? "",
    };
    return items?.properties ? [own, ...fieldsOf(items, `${key}[].`)] : [own];
  });
}

function typeOf({ type, enum: choices, const: only, minimum, maximum, items }: SchemaField): string {
  if (only !== undefined) return `\`${only}\``;
  if (choices) return choices.map((choice) => `\`${choice}\``).join(", ");
  if (type === "array") return `list of ${typeOf((items ?? {}) as SchemaField)}`;
  if (minimum !== undefined && maximum !== undefined) return `${type} ${minimum}–${maximum}`;
  return minimum === undefined ? (type ?? "") : `${type} ≥ ${minimum}`;
}
