import type TypeBox from "typebox";
import type { TProperties, TSchema } from "typebox";

/** Non-enumerable properties of a schema, by which TypeBox recognizes its types. */
interface Hidden {
  "~kind"?: string;
  "~optional"?: true;
}

const create = (kind: string, keywords: object, options: object = {}): TSchema =>
  hide({ ...keywords, ...options }, { "~kind": kind });

function hide(schema: object, hidden: Hidden): TSchema {
  for (const [name, value] of Object.entries(hidden))
    Object.defineProperty(schema, name, { configurable: true, enumerable: false, value, writable: true });
  return schema as TSchema;
}

const isOptional = (schema: object): boolean => "~optional" in schema;

/**
 * Builds the same schemas as TypeBox's functions, with their types, but without loading TypeBox, whose hundreds of
 * modules would add a third to a run's start-up time. For modules that every run loads; `problemsOf` checks values
 * against these schemas, and `withDefaults` fills in their defaults.
 *
 * @example
 * ```ts
 * import { withDefaults } from "./problems.ts";
 * import { SchemaBuilder } from "./schemaBuilder.ts";
 *
 * const Slots = SchemaBuilder.Object({ slots: SchemaBuilder.Integer({ default: 1 }) });
 * console.log(withDefaults(Slots, {})); // { slots: 1 }
 * ```
 */
export const SchemaBuilder = {
  Array: (items: TSchema, options?: object) => create("Array", { type: "array", items }, options),
  Boolean: (options?: object) => create("Boolean", { type: "boolean" }, options),
  Enum: (values: readonly string[], options?: object) => create("Enum", { enum: values }, options),
  Integer: (options?: object) => create("Integer", { type: "integer" }, options),
  Number: (options?: object) => create("Number", { type: "number" }, options),
  Object(properties: TProperties, options?: object) {
    const required = Object.keys(properties).filter((name) => !isOptional(properties[name] ?? {}));
    return create("Object", { type: "object", ...(required.length > 0 ? { required } : {}), properties }, options);
  },
  Optional: (schema: TSchema) =>
    hide(Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)), { "~optional": true }),
  /** Creates a map with any keys. */
  Record: (_key: TSchema, values: TSchema, options?: object) =>
    create("Record", { type: "object", patternProperties: { "^.*$": values } }, options),
  String: (options?: object) => create("String", { type: "string" }, options),
} as unknown as Pick<
  typeof TypeBox,
  "Array" | "Boolean" | "Enum" | "Integer" | "Number" | "Object" | "Optional" | "Record" | "String"
>;
