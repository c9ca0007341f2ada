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

/** Replaces a random part of a value, at any depth, also inside JSON texts. */
function damaged(value: unknown, path: readonly number[], by: unknown): unknown {
  const [at, ...rest] = path;
  if (at === undefined) return by;
  if (typeof value === "string" && /^[[{]/.test(value))
    return JSON.stringify(damaged(JSON.parse(value), path, by)) ?? null;
  if (typeof value !== "object" || value === null) return by;
  const entries = Object.entries(value);
  const [key] = entries[at % Math.max(entries.length, 1)] ?? [];
  if (key === undefined) return by;
  const changed = { ...value, [key]: damaged((value as Record<string, unknown>)[key], rest, by) };
  return Array.isArray(value) ? Object.values(changed) : changed;
}

describe("rules with random input", () => {
  it("reach a verdict without throwing for properties that are missing, null, unknown or of the wrong type", () => {
    const program = compliantProgram();
    let noted = 0;
    fc.assert(
      fc.property(
        fc.nat(program.length - 1),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
        anything,
        fc.boolean(),
        (index, path, by, unlinked) => {
          const given = program.map((one, at) => {
            const props = (at === index ? damaged(one.props, path, by) : one.props) as Record<string, unknown>;
            const links = at === index && unlinked ? {} : (one.links ?? {});
            const propertyDependencies = Object.fromEntries(
              Object.entries(links).map(([key, urns]) => [key, urns.map((urn) => ({ urn }))]),
            );
            return { type: one.type, name: one.name, urn: urnOf(one), props, propertyDependencies };
          });
          const notes = () => ({ unknown: () => noted++, unreadable: () => noted++ });
          const stack = new Stack(given, notes);
          const report = (_: Resource, problem: string) => assert.equal(typeof problem, "string");
          for (const rule of ALL_RULES) {
            if (rule.scope === "stack") rule.check(stack, report, by);
            else
              for (const one of stack.resources)
                if (rule.types.includes(one.type)) {
                  rule.check(one, report, by);
                  rule.fix?.(one);
                }
          }
        },
      ),
      { numRuns: RUNS, includeErrorInReport: true },
    );
    assert.ok(noted > 0, "some of it could not be read");
  });
});
