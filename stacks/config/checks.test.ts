import assert from "node:assert/strict";
import type { TSchema } from "typebox";
import { capacityCheck } from "../planning/capacity.ts";
import { shippedStacks } from "../planning/shipped.ts";
import { rawConfig } from "../testing/config.ts";
import { CHECKS } from "./checks.ts";
import { parseStackConfig } from "./parse.ts";
import { overlaps } from "./problem.ts";
import { StackConfig, TRACKING_STORES } from "./schema.ts";

const configs = (): StackConfig[] => {
  const raw = rawConfig();
  const variants = [
    { ...raw, network: { ...raw.network, nat: "none" } },
    {
      ...raw,
      callers: [{ principal: "arn:aws:iam::111111111111:role/pricing", tenants: ["pricing"], scopes: ["read"] }],
      tenants: ["pricing"],
    },
  ].map((variant) => parseStackConfig(variant, "dev"));
  return [
    ...shippedStacks().map(({ config }) => config),
    ...variants.map(({ config, problems }) => config ?? assert.fail(JSON.stringify(problems))),
  ];
};

/** Returns the paths of all fields that a check reads. */
function fieldsReadBy(config: StackConfig, check: (config: StackConfig) => unknown): Set<string> {
  const paths = new Set<string>();
  const recorded = <T extends object>(value: T, path: string): T =>
    new Proxy(value, {
      get(target, name) {
        const field: unknown = Reflect.get(target, name);
        if (typeof name === "symbol" || !Object.hasOwn(target, name)) return field;
        paths.add(`${path}${name}`);
        return field !== null && typeof field === "object" ? recorded(field, `${path}${name}.`) : field;
      },
    });
  check(recorded(config, ""));
  return paths;
}

const ALL = [...CHECKS, capacityCheck];

describe("the checks of a stack's configuration", () => {
  it("read only fields that they declare", () => {
    for (const config of configs())
      for (const { reads, problemsOf } of ALL)
        for (const path of fieldsReadBy(config, (recorded) => problemsOf(recorded, "dev")))
          assert.ok(
            reads.some((declared) => overlaps(declared, path.replace(/\.length$/, ""))),
            `${problemsOf.name} reads ${path}`,
          );
  });

  it("declare only fields of the schema", () => {
    for (const { reads, problemsOf } of ALL)
      for (const path of reads) assert.ok(hasField(path), `${problemsOf.name} declares ${path}`);
  });
});

function hasField(path: string): boolean {
  const stores = Object.values(TRACKING_STORES);
  return [StackConfig, ...stores.map((tracking) => ({ properties: { tracking } }))].some((schema) => {
    let node: unknown = schema;
    for (const name of path.split(".")) {
      const { properties, items } = node as { properties?: Record<string, TSchema>; items?: TSchema };
      node = name === "*" ? items : properties?.[name];
      if (node === undefined) return false;
    }
    return true;
  });
}
