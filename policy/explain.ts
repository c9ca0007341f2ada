import { LIMIT_RULES } from "./limits/rules.ts";
import type { Rule } from "./rule.ts";
import { SECURITY_RULES } from "./security/rules.ts";

/** The packs with their summaries and rules. */
export const PACKS = {
  limits: { summary: "limits of accounts and services", rules: LIMIT_RULES },
  security: { summary: "security: access, encryption, backups and logs", rules: SECURITY_RULES },
} as const;

export const ALL_RULES: readonly Rule[] = Object.values(PACKS).flatMap(({ rules }) => rules);

/** Returns the source of a rule: a control of a framework, or a document. */
const source = ({ framework }: Rule): string => framework.reference ?? framework.name ?? "";

/** Lists the rules, one per line with its level. */
export function overview(): string {
  const width = Math.max(...ALL_RULES.map(({ name }) => name.length));
  return Object.entries(PACKS)
    .map(([pack, { summary, rules }]) => {
      const lines = rules.map(
        ({ name, level, description }) => `  ${name.padEnd(width)}  ${level.padEnd(9)}  ${description}`,
      );
      return `policy/${pack}: ${summary} (${rules.length} rules)\n${lines.join("\n")}`;
    })
    .join("\n\n");
}

/** Describes one rule in full. */
export function details(rule: Rule): string {
  const settings = Object.entries(rule.settings).map(([name, schema]) => {
    const { default: defaultValue, description = "" } = schema as { default?: unknown; description?: string };
    return `    ${name}: ${description} (default ${JSON.stringify(defaultValue)})`;
  });
  const fields: [title: string, texts: readonly string[]][] = [
    ["Requires", [rule.description]],
    ["Level", [`${rule.level}, severity ${rule.severity}`]],
    ["Source", [source(rule)]],
    ["Remedy", [rule.remediation]],
    ["Checks", rule.scope === "resource" ? rule.types : ["all resources together"]],
    ["May be unknown in a preview", rule.mayBeUnknown],
  ];
  const lines = fields
    .filter(([, texts]) => texts.length > 0)
    .map(([title, texts]) => `  ${title}: ${texts.join(", ")}`);
  const remediation =
    rule.scope === "resource" && rule.fix ? ["  Supports remediation: set enforcementLevel to remediate."] : [];
  return [rule.name, ...lines, ...remediation, ...(settings.length > 0 ? ["  Settings:", ...settings] : [])].join("\n");
}

/** Formats a pack's rules as a table for policy/README.md. */
export function rulesTable(pack: keyof typeof PACKS): string {
  const rows = PACKS[pack].rules.map((rule) =>
    `| \`${rule.name}\` | ${rule.level} | ${rule.description} | ${rule.remediation} | ${source(rule)} |`.replace(
      /\n/g,
      " ",
    ),
  );
  return ["| rule | level | requires | remedy | source |", "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}
