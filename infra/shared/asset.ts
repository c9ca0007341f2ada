import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileAsset } from "@pulumi/pulumi/asset/index.js";

/** Where made files lie until the next `npm ci`: beside the packages that they are made with. */
const FOLDER = fileURLToPath(new URL("../node_modules/.cache/rates-platform/", import.meta.url));

/**
 * A text as a file for Pulumi. A file travels by its path and its hash; a text in the program goes whole, several times
 * over, through the engine, its log and the state, which for a function's code is most of what a preview waits for.
 * @param name what the file's own name ends in
 */
export function textAsset(name: string, text: string): FileAsset {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 32);
  const path = join(FOLDER, `${hash}-${name}`);
  if (!existsSync(path)) {
    mkdirSync(FOLDER, { recursive: true });
    // Whole or not at all, also where two programs make it at once.
    const own = `${path}.${process.pid}`;
    writeFileSync(own, text);
    renameSync(own, path);
  }
  return new FileAsset(path);
}
