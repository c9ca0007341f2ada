import { spawnSync } from "node:child_process";
import { CLONE } from "./clone.ts";
import { type Check, failed, passed } from "./doctor.ts";

/** Minimum versions of the required commands. */
const MINIMUM_VERSIONS = { node: 20, npm: 9, pulumi: 3 } as const;

const INSTALL_REMEDIES = {
  node: "Install Node 20 or newer from https://nodejs.org; the platform installs its own Node 24.",
  npm: "Install the npm that comes with Node 20 or newer.",
  pulumi: "Install it (https://www.pulumi.com/docs/install/); `pulumi up` and `--stack` need it.",
} as const;

/** The oldest Node that runs the installed package (runtime/tools/package). */
const PACKAGE_NODE = "20.18";

/** Compares versions by their first two numbers. */
function isAtLeast(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split(".").map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** Checks that a command is installed and new enough. */
export function commandCheck(command: keyof typeof MINIMUM_VERSIONS): Check {
  const { stdout, error, status } = spawnSync(command, [command === "pulumi" ? "version" : "--version"], {
    encoding: "utf8",
    timeout: 30_000,
  });
  const remedy = INSTALL_REMEDIES[command];
  if (error || status !== 0) return failed(command, `there is no ${command} command on PATH`, remedy);
  const version = stdout.trim().replace(/^v/, "");
  const major = Number(/^\d+/.exec(version)?.[0]);
  return major >= MINIMUM_VERSIONS[command]
    ? passed(command, version)
    : failed(command, `${version} is too old: ${MINIMUM_VERSIONS[command]} at least`, remedy);
}

/**
 * Checks that this process runs on Node 24 or newer in the clone, or in the installed package on a Node that it
 * supports.
 */
export function ownNodeCheck(version = process.versions.node, isClone = CLONE !== undefined): Check {
  const oldest = isClone ? "24.0" : PACKAGE_NODE;
  return isAtLeast(version, oldest)
    ? passed("own Node", `${version} runs this command`)
    : failed(
        "own Node",
        `${version} runs this command; it needs Node ${oldest}`,
        isClone ? "Run it as `npx rates` in the clone, after `npm ci`." : `Install Node ${PACKAGE_NODE} or newer.`,
      );
}
