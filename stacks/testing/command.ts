import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { skip } from "../../runtime/testing/cluster.ts";

const script = fileURLToPath(new URL("build.sh", import.meta.url));

/** Finds the pulumi command: the one built from go.mod, else the first on PATH; undefined if there is neither. */
export function findPulumi(): string | undefined {
  const built = execFileSync(script, ["--path"], { encoding: "utf8" }).trim();
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return [built, ...folders.map((folder) => join(folder, "pulumi"))].find(isExecutable);
}

/**
 * Minimum timeout of a test that uses the engine. A preview takes seconds, and several times as long next to other tests.
 */
const TEST_MS = 120_000;

/**
 * Skips a suite if there is no pulumi command, and gives its tests enough time for the engine; called in a `before` hook.
 * With RATES_REQUIRE_ALL=1, builds the command instead of skipping, and fails if that is impossible.
 */
export function requireEngine(context: Mocha.Context): void {
  // The hook's own timeout does not apply to the tests.
  context.test?.parent?.eachTest((test) => {
    if (test.timeout() < TEST_MS) test.timeout(TEST_MS);
  });
  if (findPulumi() !== undefined) return;
  if (process.env.RATES_REQUIRE_ALL !== "1") skip(context, "no pulumi command (stacks/testing/build.sh builds it)");
  context.timeout(30 * 60_000);
  execFileSync(script, { stdio: ["ignore", "ignore", "inherit"] });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
