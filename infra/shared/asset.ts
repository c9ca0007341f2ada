import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileAsset } from "@pulumi/pulumi/asset/index.js";
import { ROOT } from "../../runtime/platform/root.ts";

/** Folder of generated files; `npm ci` deletes it together with the packages that the files were built with. */
const FOLDER = join(ROOT, "node_modules/.cache/rates-platform");

/**
 * Writes a text to a file for Pulumi, which passes files by path and hash. The engine would pass a text asset in full
 * several times, also to its log and the state; for a function's code this dominates the time of a preview.
 *
 * @param name - End of the file's name.
 */
export function textAsset(name: string, text: string): FileAsset {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 32);
  const path = join(FOLDER, `${hash}-${name}`);
  if (!existsSync(path)) {
    mkdirSync(FOLDER, { recursive: true });
    // Renames the complete file, so that a concurrent program never reads an incomplete one.
    const temporaryPath = `${path}.${process.pid}`;
    writeFileSync(temporaryPath, text);
    renameSync(temporaryPath, path);
  }
  return new FileAsset(path);
}
