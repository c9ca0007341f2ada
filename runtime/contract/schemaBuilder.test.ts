import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import Type from "typebox";
import Value from "typebox/value";
import { problemsOf, withDefaults } from "./problems.ts";
import { SchemaBuilder } from "./schemaBuilder.ts";

type Builder = typeof SchemaBuilder;

const build = ({
  Array: List,
  Boolean: Flag,
  Enum,
  Integer,
  Number: Real,
  Object: Fields,
  Optional,
  Record,
  String: Text,
}: Builder) =>
  Fields(
    {
      list: List(Integer({ minimum: 0 }), { minItems: 1, default: [1] }),
      flag: Flag({ default: false, description: "flag" }),
      choice: Enum(["a", "b"], { default: "a" }),
      share: Optional(Real({ maximum: 1 })),
      inner: Fields({ name: Optional(Text({ pattern: "^a" })) }, { additionalProperties: false, default: {} }),
      map: Record(Text(), Text(), { default: {} }),
      bare: Optional(Fields({})),
    },
    { additionalProperties: false, description: "all types" },
  );

/** Lists all own properties at any depth, enumerable or not. */
const ownProperties = (value: unknown): unknown =>
  typeof value !== "object" || value === null
    ? value
    : Reflect.ownKeys(value).map((key) => {
        const property = Object.getOwnPropertyDescriptor(value, key);
        return [key, property?.enumerable, ownProperties(property?.value)];
      });
/** Sorts lists of properties, whose order has no meaning. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : value;

describe("SchemaBuilder", () => {
  it("builds the schemas that TypeBox builds, hidden properties included", () => {
    assert.deepEqual(sorted(ownProperties(build(SchemaBuilder))), sorted(ownProperties(build(Type))));
  });

  it("builds schemas that TypeBox and problemsOf check alike", () => {
    const schema = build(SchemaBuilder);
    for (const value of [
      {},
      { list: [3], share: 0.5, inner: { name: "ab" }, map: { any: "text" } },
      { list: [] },
      { choice: "c" },
      { share: 2 },
      { inner: { name: "b" } },
      { inner: { other: 1 } },
      { map: { any: 1 } },
      { bare: 1 },
      { unknown: 1 },
    ]) {
      const filled = withDefaults(schema, value);
      assert.deepEqual(filled, Value.Default(schema, structuredClone(value)), JSON.stringify(value));
      assert.equal(problemsOf(schema, filled).total === 0, Value.Check(schema, filled), JSON.stringify(value));
    }
  });

  it("keeps TypeBox's types out of the runner", async () => {
    const program = `
      import { registerHooks } from "node:module";
      const loaded = [];
      registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
      await import(${JSON.stringify(new URL("../runner/run.ts", import.meta.url).href)});
      await import(${JSON.stringify(new URL("../platform/settings.ts", import.meta.url).href)});
      console.log(loaded.filter((url) => /typebox\\/build\\/(type|value|schema)\\//.test(url)).length, loaded.length > 50);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
    assert.equal(stdout, "0 true\n");
  });
});
