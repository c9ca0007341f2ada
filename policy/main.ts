import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { closest } from "fastest-levenshtein";
import { insertGenerated } from "../stacks/docs/tables.ts";
import { ALL_RULES, details, overview, PACKS, rulesTable } from "./explain.ts";
import { packConfigOf } from "./packConfig.ts";

const USAGE = `npm run policy -- explain [RULE …]  one line per rule, or all details of the named rules
npm run policy -- config STACK [PACK]   a pack's configuration with the settings of Pulumi.STACK.yaml; PACK is limits (default) or security
npm run policy -- write             updates the tables of policy/README.md
The packs themselves run with Pulumi:
pulumi preview --policy-pack policy/limits --policy-pack policy/security`;

const README = fileURLToPath(new URL("README.md", import.meta.url));

/** Returns the page about policies with regenerated tables. */
export const withTables = (page: string): string =>
  insertGenerated(page, { limits: () => rulesTable("limits"), security: () => rulesTable("security") });

export const page = (): string => readFileSync(README, "utf8");

/** Returns output and exit status of the command: 2 for an unknown command, rule, pack or stack. */
export function runCommand([command, ...names]: readonly string[]): { text: string; status: 0 | 2 } {
  if (names.includes("--help")) return { text: USAGE, status: 0 };
  const [stack, pack = "limits", ...more] = names;
  if (command === "config" && stack !== undefined && more.length === 0) return configOutput(stack, pack);
  if (command !== "explain") return { text: USAGE, status: command === undefined || command === "--help" ? 0 : 2 };
  if (names.length === 0) return { text: overview(), status: 0 };
  const ruleNames = ALL_RULES.map(({ name }) => name);
  const unknown = names.filter((name) => !ruleNames.includes(name));
  if (unknown.length > 0)
    return {
      text: unknown.map((name) => `There is no rule '${name}': did you mean ${nearest(name, ruleNames)}?`).join("\n"),
      status: 2,
    };
  return {
    text: ALL_RULES.filter(({ name }) => names.includes(name))
      .map(details)
      .join("\n\n"),
    status: 0,
  };
}

/** Returns all rule names that contain the given text; if none does, the name with the most similar spelling. */
function nearest(name: string, ruleNames: readonly string[]): string {
  const matches = ruleNames.filter((ruleName) => ruleName.includes(name));
  return matches.length > 0 ? matches.join(" or ") : closest(name, ruleNames);
}

function configOutput(stack: string, pack: string): { text: string; status: 0 | 2 } {
  if (pack !== "limits" && pack !== "security")
    return { text: `There is no pack '${pack}': use ${Object.keys(PACKS).join(" or ")}.`, status: 2 };
  try {
    return { text: JSON.stringify(packConfigOf(stack, pack), null, 2), status: 0 };
  } catch (error) {
    return { text: (error as Error).message, status: 2 };
  }
}

if (import.meta.main) {
  if (process.argv[2] === "write") writeFileSync(README, withTables(page()));
  else {
    const { text, status } = runCommand(process.argv.slice(2));
    (status === 0 ? console.log : console.error)(text);
    process.exitCode = status;
  }
}
