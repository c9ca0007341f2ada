import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileAsset } from "@pulumi/pulumi/asset/index.js";
import { ROOT } from "../../runtime/platform/root.ts";

/** Folder of generated files until the next `npm ci`: beside the packages that they are built with. */
const FOLDER = join(ROOT, "node_modules/.cache/rates-platform");

/**
 * Writes a text to a file for Pulumi. A file travels by path and hash; a text in the program would travel whole,
 * several times, through the engine, its log and the state, which for a function's code dominates the time of a
 * preview.
 *
 * @param name - End of the file's name.
 */
export function textAsset(name: string, text: string): FileAsset {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 32);
  const path = join(FOLDER, `${hash}-${name}`);
  if (!existsSync(path)) {
    mkdirSync(FOLDER, { recursive: true });
    // Atomic, also with two programs at once.
    const temporaryPath = `${path}.${process.pid}`;
    writeFileSync(temporaryPath, text);
    renameSync(temporaryPath, path);
  }
  return new FileAsset(path);
}
