import { readFileSync, writeFileSync } from "node:fs";
import { PAGE, withTables } from "./page.ts";

/** `node runtime/testing/reports/main.ts` updates docs/public-reports.md. */
writeFileSync(PAGE, withTables(readFileSync(PAGE, "utf8")));
