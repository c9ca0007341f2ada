import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const IMPORT = /(?:\bfrom |\bimport\()"(\.[^"\n]+)"/g;
/** Modules that start a server or another program. A test that imports one, even indirectly, is not a unit test. */
const HEAVY = /"(?:node:child_process|@pulumi\/pulumi\/automation[^"\n]*|playwright(?:\/test)?|recheck)"/;
/** Module that starts the databases that tests share. */
const CLUSTER = "runtime/testing/cluster.ts";

/**
 * Selects the test files that start no database, browser or other process, as far as their imports show.
 *
 * @param root - Root of the repository.
 * @param files - Test files, relative to the root.
 * @returns The selected files.
 */
export function unitTests(root: string, files: readonly string[]): string[] {
  const modules = new Map<string, { imports: string[]; isHeavy: boolean }>();
  const read = (file: string) => {
    const known = modules.get(file);
    if (known) return known;
    const text = readFileSync(join(root, file), "utf8");
    const imports = [...text.matchAll(IMPORT)]
      .map(([, specifier = ""]) => relative(root, join(root, dirname(file), specifier)))
      .filter((path) => existsSync(join(root, path)));
    const module = { imports, isHeavy: file === CLUSTER || HEAVY.test(text) };
    modules.set(file, module);
    return module;
  };
  const isUnit = (file: string): boolean => {
    const seen = new Set<string>();
    const pending = [file];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      const { imports, isHeavy } = read(next);
      if (isHeavy) return false;
      pending.push(...imports);
    }
    return true;
  };
  return files.filter(isUnit);
}
