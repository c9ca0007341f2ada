import { LIMIT_RULES } from "./limits/rules.ts";
import type { Rule } from "./rule.ts";
import { SECURITY_RULES } from "./security/rules.ts";

/** The packs, and what each is about. */
export const PACKS = {
  limits: { about: "what an account and its services can take", rules: LIMIT_RULES },
  security: { about: "how things must be so that nobody gets at them", rules: SECURITY_RULES },
} as const;

export const ALL_RULES: readonly Rule[] = Object.values(PACKS).flatMap(({ rules }) => rules);

/** Where a rule comes from: the control of a framework, or the document that gives the limit. */
const source = ({ framework }: Rule): string => framework.reference ?? framework.name ?? "";

/** Every rule in a line: what stops a preview, and what only advises. */
export function overview(): string {
  const width = Math.max(...ALL_RULES.map(({ name }) => name.length));
  return Object.entries(PACKS)
    .map(([pack, { about, rules }]) => {
      const lines = rules.map(
        ({ name, level, description }) => `  ${name.padEnd(width)}  ${level.padEnd(9)}  ${description}`,
      );
      return `policy/${pack}: ${about} (${rules.length} rules)\n${lines.join("\n")}`;
    })
    .join("\n\n");
}

/** Everything that one rule says of itself. */
export function details(rule: Rule): string {
  const settings = Object.entries(rule.settings).map(([name, schema]) => {
    const { default: standard, description = "" } = schema as { default?: unknown; description?: string };
    return `    ${name}: ${description} (${JSON.stringify(standard)})`;
  });
  const parts: [string, readonly string[]][] = [
    ["What", [rule.description]],
    ["Level", [`${rule.level}, severity ${rule.severity}`]],
    ["Source", [source(rule)]],
    ["To do", [rule.remediation]],
    ["Of", rule.scope === "resource" ? rule.types : ["all resources together"]],
    ["A preview may not know", rule.mayBeUnknown],
  ];
  const lines = parts
    .filter(([, texts]) => texts.length > 0)
    .map(([title, texts]) => `  ${title}: ${texts.join(", ")}`);
  const fills = rule.scope === "resource" && rule.fix ? ["  Can be filled in: set its level to remediate."] : [];
  return [rule.name, ...lines, ...fills, ...(settings.length > 0 ? ["  Settings:", ...settings] : [])].join("\n");
}

/** The same as a table for the page about policies. */
export function rulesTable(pack: keyof typeof PACKS): string {
  const rows = PACKS[pack].rules.map((rule) =>
    `| \`${rule.name}\` | ${rule.level} | ${rule.description} | ${rule.remediation} | ${source(rule)} |`.replace(
      /\n/g,
      " ",
    ),
  );
  return [
    "| rule | level | what it asks for | what to do about a finding | source |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
