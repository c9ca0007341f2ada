import { ROOT } from "../../platform/root.ts";
import { findings } from "./check.ts";

/** `node runtime/tools/prose/main.ts [FOLDER/…]`: lists avoided wordings with a better one; part of `npm run check`. */
const folders = process.argv.slice(2);
const found = findings(ROOT, folders.length > 0 ? folders : undefined);
for (const { place, phrase, better, text } of found) {
  console.log(`${place}: "${phrase}": ${better}\n    ${text.slice(0, 160)}`);
}
if (found.length > 0) {
  const count = found.length === 1 ? "1 wording" : `${found.length} wordings`;
  console.log(`${count} to change. The list and its exceptions: runtime/tools/prose/phrases.ts`);
  process.exitCode = 1;
}
