import assert from "node:assert/strict";
import fc from "fast-check";
import { ALL_RULES } from "./explain.ts";
import { type Resource, Stack } from "./resource.ts";
import { urnOf } from "./testing/packClient.ts";
import { compliantProgram } from "./testing/program/compliant.ts";
import { UNKNOWN_VALUES } from "./unknownValues.ts";

const RUNS = 1_000;

/** Values that may replace a property. */
const anything = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    true,
    false,
    0,
    -1,
    1e308,
    Number.NaN,
    "",
    "{",
    "[]",
    "[1",
    '{"Statement":7}',
    "__proto__",
    ...UNKNOWN_VALUES,
  ),
  fc.string(),
  fc.jsonValue(),
  fc.array(fc.jsonValue(), { maxLength: 3 }),
);

/** Replaces the part of a value at a path, at any depth, also inside JSON texts. */
function replaceAt(value: unknown, path: readonly number[], replacement: unknown): unknown {
  const [at, ...rest] = path;
  if (at === undefined) return replacement;
  if (typeof value === "string" && /^[[{]/.test(value))
    return JSON.stringify(replaceAt(JSON.parse(value), path, replacement)) ?? null;
  if (typeof value !== "object" || value === null) return replacement;
  const entries = Object.entries(value);
  const [key] = entries[at % Math.max(entries.length, 1)] ?? [];
  if (key === undefined) return replacement;
  const changed = { ...value, [key]: replaceAt((value as Record<string, unknown>)[key], rest, replacement) };
  return Array.isArray(value) ? Object.values(changed) : changed;
}

describe("rules with random input", () => {
  it("return without throwing for properties that are missing, null, unknown or of the wrong type", () => {
    const program = compliantProgram();
    let reportCount = 0;
    fc.assert(
      fc.property(
        fc.nat(program.length - 1),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
        anything,
        fc.boolean(),
        (index, path, replacement, unlinked) => {
          const mutated = program.map((resource, position) => {
            const props = (
              position === index ? replaceAt(resource.props, path, replacement) : resource.props
            ) as Record<string, unknown>;
            const links = position === index && unlinked ? {} : (resource.links ?? {});
            const propertyDependencies = Object.fromEntries(
              Object.entries(links).map(([key, urns]) => [key, urns.map((urn) => ({ urn }))]),
            );
            return { type: resource.type, name: resource.name, urn: urnOf(resource), props, propertyDependencies };
          });
          const reporterOf = () => ({ unknown: () => reportCount++, unreadable: () => reportCount++ });
          const stack = new Stack(mutated, reporterOf);
          const report = (_: Resource, problem: string) => assert.equal(typeof problem, "string");
          for (const rule of ALL_RULES) {
            if (rule.scope === "stack") rule.check(stack, report, replacement);
            else
              for (const resource of stack.resources)
                if (rule.types.includes(resource.type)) {
                  rule.check(resource, report, replacement);
                  rule.fix?.(resource);
                }
          }
        },
      ),
      { numRuns: RUNS, includeErrorInReport: true },
    );
    assert.ok(reportCount > 0, "no value was unknown or unreadable");
  });
});
