import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { shippedTable } from "./costTable.ts";
import { configTable } from "./describe.ts";

const README = fileURLToPath(new URL("README.md", import.meta.url));
/** The tables of stacks/README.md, by the marks they stand between. */
const TABLES = { cost: shippedTable, config: configTable } as const;

/** The page with its tables as the code makes them. */
export function withTables(page: string): string {
  return Object.entries(TABLES).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const before = text.split(begin)[0];
    const after = text.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`stacks/README.md lacks ${begin} or ${end}`);
    return `${before}${begin}\n\n${table()}\n\n${end}${after}`;
  }, page);
}

export const page = (): string => readFileSync(README, "utf8");

/** `node stacks/docs.ts --write`: writes the tables into stacks/README.md. */
if (import.meta.main && process.argv.includes("--write")) writeFileSync(README, withTables(page()));
