import { join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "../../platform/root.ts";

/** Returns the paths of the files that the smoke task's program consists of, relative to the repository's root. */
export async function smokeImports(): Promise<string[]> {
  const { metafile } = await build({
    ...{ entryPoints: [join(ROOT, "runtime", "smoke", "task.ts")], absWorkingDir: ROOT, bundle: true, write: false },
    ...{ packages: "external", platform: "node", format: "esm", metafile: true, logLevel: "silent" },
  });
  return Object.keys(metafile.inputs);
}
