import { closest } from "fastest-levenshtein";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import type { Rule } from "./rule.ts";

const DAY = "^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$";

const Exemption = Type.Object(
  {
    urn: Type.String({
      pattern: "^urn:pulumi:[^*]+$",
      description: "full URN of the exempt resource, as in the finding",
    }),
    reason: Type.String({ pattern: "\\S", description: "reason for the exemption" }),
    until: Type.String({ pattern: DAY, description: "last day of the exemption, in UTC, for example 2026-12-31" }),
  },
  { additionalProperties: false },
);
type Exemption = Static<typeof Exemption>;

/** Settings of every rule. */
export const COMMON = {
  exempt: Type.Array(Exemption, { default: [], description: "resources that are temporarily exempt from the rule" }),
};

/**
 * Returns "exempt" if a resource is exempt from a rule; otherwise a message about its expired exemption, if it has one.
 */
export function exemptionOf(
  urn: string,
  configured: { exempt?: unknown },
  now = new Date(),
): "exempt" | string | undefined {
  const all = Value.Check(COMMON.exempt, configured.exempt) ? configured.exempt : [];
  const exemptions = all.filter((exemption) => exemption.urn === urn).toSorted((a, b) => (a.until < b.until ? 1 : -1));
  const [latest] = exemptions;
  if (latest === undefined) return undefined;
  return isExpired(latest, now)
    ? `Its exemption (${latest.reason}) ended on ${latest.until}: fix the resource, or renew the exemption.`
    : "exempt";
}

const isExpired = ({ until }: Exemption, now: Date): boolean => until < now.toISOString().slice(0, 10);

const reported = new Set<string>();

/**
 * Returns a message for each configured setting that the rule does not have, once per process. Without it, a misspelled
 * setting would silently have no effect.
 */
export function unknownSettings(rule: Rule, configured: object): string[] {
  const known = [...Object.keys(rule.settings), ...Object.keys(COMMON)];
  return Object.keys(configured).flatMap((key) => {
    const settingPath = `${rule.name}.${key}`;
    if (known.includes(key) || reported.has(settingPath)) return [];
    reported.add(settingPath);
    return [
      `the pack's configuration sets ${key}, which ${rule.name} does not have: did you mean ${closest(key, known)}?`,
    ];
  });
}
