import { writeFileSync } from "node:fs";
import { PAGES, pageOf, pathOf } from "./pages.ts";
import { unformatted } from "./tables.ts";

/** `node stacks/docs/main.ts` brings the parts of pages that the code makes up to date. */
for (const name of Object.keys(PAGES)) {
  const { now, made } = pageOf(name);
  if (unformatted(now) === unformatted(made)) continue;
  writeFileSync(pathOf(name), made);
  console.log(`${name} is up to date again`);
}
