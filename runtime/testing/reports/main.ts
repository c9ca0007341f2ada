import { readFileSync, writeFileSync } from "node:fs";
import { PAGE, withTables } from "./page.ts";

/** `node runtime/testing/reports/main.ts` brings docs/public-reports.md up to date. */
writeFileSync(PAGE, withTables(readFileSync(PAGE, "utf8")));
