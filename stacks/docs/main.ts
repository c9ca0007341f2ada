import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { shippedTable } from "./costTable.ts";
import { configTable } from "./describe.ts";
import { fillTables } from "./pageTables.ts";

const README = fileURLToPath(new URL("README.md", import.meta.url));

/** The page with its tables as the code makes them. */
export const withTables = (page: string): string => fillTables(page, { cost: shippedTable, config: configTable });

export const page = (): string => readFileSync(README, "utf8");

/** `node stacks/docs.ts --write`: writes the tables into stacks/README.md. */
if (import.meta.main && process.argv.includes("--write")) writeFileSync(README, withTables(page()));
