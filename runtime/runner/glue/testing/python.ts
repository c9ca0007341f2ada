import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { skip } from "../../../local/testing.ts";

const script = fileURLToPath(new URL("python.sh", import.meta.url));

/**
 * For a suite's `before`: a program of the Python that has the Glue runner's packages, and moto. Skips the suite where it
 * was not installed; where everything is required (RATES_REQUIRE_ALL=1) it is, or the suite fails.
 * @param program python or moto_server
 */
export function requirePython(context: Mocha.Context, program: "python" | "moto_server"): string {
  const folder = execFileSync(script, ["--path"], { encoding: "utf8" }).trim();
  if (!existsSync(join(dirname(folder), "done"))) {
    if (process.env.RATES_REQUIRE_ALL !== "1")
      skip(context, "no Python with the Glue runner's packages (runtime/runner/glue/testing/python.sh installs it)");
    context.timeout(10 * 60_000);
    execFileSync(script, { stdio: ["ignore", "ignore", "inherit"] });
  }
  return join(folder, program);
}
