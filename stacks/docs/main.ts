import { writeFileSync } from "node:fs";
import { PAGES, pageOf, pathOf } from "./pages.ts";
import { unformatted } from "./tables.ts";

/** `node stacks/docs/main.ts` updates the generated parts of pages. */
for (const name of Object.keys(PAGES)) {
  const { now, made } = pageOf(name);
  if (unformatted(now) === unformatted(made)) continue;
  writeFileSync(pathOf(name), made);
  console.log(`${name} updated`);
}
