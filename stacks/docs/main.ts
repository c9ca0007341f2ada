import { writeFileSync } from "node:fs";
import { PAGES, pageOf, pathOf } from "./pages.ts";
import { unformatted } from "./tables.ts";

/** `node stacks/docs/main.ts` updates the generated parts of pages. */
for (const name of Object.keys(PAGES)) {
  const { current, generated } = pageOf(name);
  if (unformatted(current) === unformatted(generated)) continue;
  writeFileSync(pathOf(name), generated);
  console.log(`${name} updated`);
}
