import { spawnSync } from "node:child_process";
import { CLONE } from "./clone.ts";
import { type Check, failed, passed } from "./doctor.ts";

/** Minimum major versions of the required commands. */
const MINIMUM_VERSIONS = { node: 20, npm: 9, pulumi: 3 } as const;

const INSTALL_REMEDIES = {
  node: "Install Node 20 or newer from https://nodejs.org; the platform installs its own Node 24.",
  npm: "Install the npm that comes with Node 20 or newer.",
  pulumi: "Install it (https://www.pulumi.com/docs/install/); `pulumi up` and `--stack` need it.",
} as const;

/**
 * Oldest Node version that runs the installed package (runtime/tools/package): the first whose `util.styleText` detects
 * whether a stream shows colours.
 */
export const PACKAGE_MIN_NODE = "20.18";

/** Compares versions by their first two numbers. */
function isAtLeast(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [minMajor = 0, minMinor = 0] = minimum.split(".").map(Number);
  return major > minMajor || (major === minMajor && minor >= minMinor);
}

/** Time limit of a command that prints its version. */
const COMMAND_SECONDS = 30;

/** Checks that a command is installed and new enough. */
export function commandCheck(command: keyof typeof MINIMUM_VERSIONS): Check {
  const { stdout, error, status, signal } = spawnSync(command, [command === "pulumi" ? "version" : "--version"], {
    encoding: "utf8",
    timeout: COMMAND_SECONDS * 1000,
  });
  const remedy = INSTALL_REMEDIES[command];
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOENT") return failed(command, `there is no ${command} command on PATH`, remedy);
  if (code === "ETIMEDOUT")
    return failed(command, `the ${command} command did not end within ${COMMAND_SECONDS} s`, remedy);
  if (status !== 0)
    return failed(command, `the ${command} command fails: ${code ?? signal ?? `exit code ${status}`}`, remedy);
  const version = stdout.trim().replace(/^v/, "");
  const major = Number(/^\d+/.exec(version)?.[0]);
  return major >= MINIMUM_VERSIONS[command]
    ? passed(command, version)
    : failed(command, `${version} is too old; the minimum is ${MINIMUM_VERSIONS[command]}`, remedy);
}

/**
 * Checks the Node version of this process: 24 or newer in the clone, or a version that the installed package supports.
 */
export function ownNodeCheck(version = process.versions.node, isClone = CLONE !== undefined): Check {
  const oldest = isClone ? "24.0" : PACKAGE_MIN_NODE;
  return isAtLeast(version, oldest)
    ? passed("Node of this command", `${version} runs this command`)
    : failed(
        "Node of this command",
        `${version} runs this command; it needs Node ${oldest} or newer`,
        isClone ? "Run it as `npx rates` in the clone, after `npm ci`." : `Install Node ${PACKAGE_MIN_NODE} or newer.`,
      );
}
