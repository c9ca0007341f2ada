import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS } from "../../runtime/contract/errors.ts";
import { ROOT } from "../../runtime/platform/root.ts";
import { configTable } from "../config/configTable.ts";
import { stacksCostTable } from "../planning/costTable.ts";
import { alarmsTable } from "./alarmsTable.ts";
import { capacityTable, smallJobsTable } from "./capacityTable.ts";
import { columnsTable, requestTable } from "./contractTables.ts";
import { capacityDiagram, statesDiagram } from "./diagrams.ts";
import { insertGenerated } from "./tables.ts";

/** Returns the absolute path of a file of the repository. */
export const pathOf = (page: string): string => join(ROOT, page);
const readPage = (file: string): string => readFileSync(pathOf(file), "utf8");

/** Returns a file of the repository as a code block, so that pages show the code that tests run. */
const listing = (file: string, language: string) => (): string =>
  `\`\`\`${language}\n${readPage(file).trimEnd()}\n\`\`\``;

function errorsTable(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { category, retryable, http, message }]) =>
      `| \`${code}\` | ${category} | ${retryable ? "yes" : "no"} | ${http} | ${message.replaceAll("|", "\\|")} |`,
  );
  return ["| type | category | retryable | HTTP | message |", "|---|---|---|---|---|", ...rows].join("\n");
}

/**
 * Pages and their generated parts, by the name in the markers of each part (`name: begin`, `name: end`).
 * `node stacks/docs/main.ts` writes them.
 */
export const PAGES: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "ARCHITECTURE.md": { states: statesDiagram },
  "stacks/README.md": { cost: stacksCostTable, config: configTable },
  "stacks/planning/README.md": { quotas: capacityDiagram, capacity: capacityTable, smallJobs: smallJobsTable },
  "docs/operating.md": { alarms: alarmsTable },
  "runtime/contract/README.md": {
    states: statesDiagram,
    request: requestTable,
    columns: columnsTable,
    errors: errorsTable,
  },
  "docs/clients.md": {
    typescript: listing("runtime/clients/batch.ts", "ts"),
    python: listing("runtime/clients/batch.py", "python"),
    shell: listing("runtime/clients/batch.sh", "sh file"),
  },
};

/** Returns a page in its current and its generated form. */
export function pageOf(name: string): { current: string; generated: string } {
  const current = readPage(name);
  return { current, generated: insertGenerated(current, PAGES[name] ?? {}) };
}
