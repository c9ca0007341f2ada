import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../platform/root.ts";
import { skip } from "../cluster.ts";

/** Python environments, each with the script that installs it, and what it contains. */
const PYTHONS = {
  glue: { script: "python.sh", contents: "the Glue runner's packages" },
  moto: { script: "moto.sh", contents: "moto" },
  models: { script: "../models/python.sh", contents: "AWS's published constraints" },
  checkov: { script: "../../../stacks/testing/analysis/checkov.sh", contents: "checkov" },
} as const;

/**
 * Programs of these environments: `python` has the packages of the Glue runner, `clients` a recent boto3, `models`
 * CloudFormation's schemas and botocore's models.
 */
const PROGRAMS = {
  python: ["glue", "python"],
  moto_server: ["moto", "moto_server"],
  aws: ["moto", "aws"],
  clients: ["moto", "python"],
  models: ["models", "python"],
  checkov: ["checkov", "checkov"],
} as const;

/**
 * For a suite's `before`: returns the path of a program in its Python environment. Skips the suite if the environment
 * is not installed; if everything is required (RATES_REQUIRE_ALL=1), installs it or fails.
 */
export function requirePython(context: Mocha.Context, program: keyof typeof PROGRAMS): string {
  const [python, file] = PROGRAMS[program];
  const { contents } = PYTHONS[python];
  const script = fileURLToPath(new URL(PYTHONS[python].script, import.meta.url));
  const folder = execFileSync(script, ["--path"], { encoding: "utf8" }).trim();
  if (!existsSync(join(dirname(folder), "done"))) {
    if (process.env.RATES_REQUIRE_ALL !== "1")
      skip(context, `no Python with ${contents} (${relative(ROOT, script)} installs it)`);
    context.timeout(10 * 60_000);
    execFileSync(script, { stdio: ["ignore", "ignore", "inherit"] });
  }
  return join(folder, file);
}
