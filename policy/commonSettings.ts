import { closest } from "fastest-levenshtein";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import type { Rule } from "./rule.ts";

const DAY = "^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$";

const Exemption = Type.Object(
  {
    urn: Type.String({
      pattern: "^urn:pulumi:[^*]+$",
      description: "the whole URN of the resource that the rule leaves alone, as the finding has it",
    }),
    reason: Type.String({ pattern: "\\S", description: "why it may" }),
    until: Type.String({ pattern: DAY, description: "the last day, in UTC, on which it may, as 2026-12-31" }),
  },
  { additionalProperties: false },
);
type Exemption = Static<typeof Exemption>;

/** Settings that every rule has. */
export const COMMON = {
  exempt: Type.Array(Exemption, { default: [], description: "resources that the rule leaves alone for a while" }),
};

/** Whether a resource is exempt from a rule; else what there is to say of an exemption that is over. */
export function exemptionOf(
  urn: string,
  configured: { exempt?: unknown },
  now = new Date(),
): "exempt" | string | undefined {
  const all = Value.Check(COMMON.exempt, configured.exempt) ? configured.exempt : [];
  const own = all.filter((one) => one.urn === urn).toSorted((a, b) => (a.until < b.until ? 1 : -1));
  const [last] = own;
  if (last === undefined) return undefined;
  return isOver(last, now)
    ? `Its exemption (${last.reason}) ended on ${last.until}: mend it, or renew that.`
    : "exempt";
}

const isOver = ({ until }: Exemption, now: Date): boolean => until < now.toISOString().slice(0, 10);

const reported = new Set<string>();

/** What a configuration gives a rule and the rule does not know, once in a process: a misspelt limit would hold nothing. */
export function unknownSettings(rule: Rule, configured: object): string[] {
  const known = [...Object.keys(rule.settings), ...Object.keys(COMMON)];
  return Object.keys(configured).flatMap((key) => {
    const where = `${rule.name}.${key}`;
    if (known.includes(key) || reported.has(where)) return [];
    reported.add(where);
    return [
      `the pack's configuration sets ${key}, which ${rule.name} does not have: did you mean ${closest(key, known)}?`,
    ];
  });
}
