import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import manifest from "../../../package.json" with { type: "json" };
import { PACKAGE_MIN_NODE } from "../../cli/lib/doctorMachine.ts";
import { ROOT } from "../../platform/root.ts";

/** Defines `require`, which ES modules lack: bundled CommonJS modules load Node's built-in modules with it. */
const BANNER = `import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);`;
const LAUNCHER = `#!/usr/bin/env node\nimport "../lib/main.js";\n`;

/** The package's own manifest: everything is bundled, so it has no dependencies. */
const packageJson = () => ({
  name: "rates-cli",
  version: manifest.version,
  description: "The command line of the rates platform",
  license: manifest.license,
  type: "module",
  engines: { node: `>=${PACKAGE_MIN_NODE}` },
  bin: { rates: "bin/rates.js" },
  files: ["bin", "lib"],
});

/**
 * Packs the command line as an npm package without dependencies.
 * @param destination - Directory in which the tarball is created.
 * @returns Path of the tarball.
 */
export async function packCommandLine(destination: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "rates-package-"));
  try {
    await build({
      entryPoints: [join(ROOT, "runtime/cli/main.ts")],
      outdir: join(directory, "lib"),
      bundle: true,
      splitting: true,
      platform: "node",
      format: "esm",
      target: `node${PACKAGE_MIN_NODE}`,
      minifySyntax: true,
      banner: { js: BANNER },
      // Loaded only to reach deployed stacks, which the package does not support.
      external: ["@aws-sdk/*"],
      logLevel: "error",
    });
    await mkdir(join(directory, "bin"));
    await writeFile(join(directory, "bin/rates.js"), LAUNCHER);
    await chmod(join(directory, "bin/rates.js"), 0o755);
    await writeFile(join(directory, "package.json"), `${JSON.stringify(packageJson(), undefined, 2)}\n`);
    await copyFile(join(ROOT, "LICENSE"), join(directory, "LICENSE"));
    await copyFile(join(ROOT, "runtime/cli/README.md"), join(directory, "README.md"));
    await mkdir(destination, { recursive: true });
    const { stdout } = await promisify(execFile)("npm", ["pack", "--silent", "--pack-destination", destination], {
      cwd: directory,
    });
    return join(destination, stdout.trim());
  } finally {
    await rm(directory, { recursive: true });
  }
}
