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
 * Minimum timeout of each test in the engine: a preview takes seconds, and several times as long beside other tests.
 */
const TEST_MS = 120_000;

/**
 * For a suite's `before`: skips the suite if there is no pulumi command, and gives its tests the time that the engine
 * takes. If everything is required (RATES_REQUIRE_ALL=1) it builds the command, and fails if it cannot.
 */
export function requireEngine(context: Mocha.Context): void {
  // A hook's own timeout does not apply to the tests after it.
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
