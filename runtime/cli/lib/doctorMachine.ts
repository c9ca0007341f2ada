import { spawnSync } from "node:child_process";
import { CLONE } from "./clone.ts";
import { type Check, failed, passed } from "./doctor.ts";

/** The oldest versions that all of it works with. */
const OLDEST = { node: 20, npm: 9, pulumi: 3 } as const;

const INSTALL = {
  node: "Install Node 20 or newer from https://nodejs.org; the platform itself brings its own Node 24.",
  npm: "Install the npm that comes with Node 20 or newer.",
  pulumi: "Install it (https://www.pulumi.com/docs/install/): `pulumi up`, and what `--stack` asks, need it.",
} as const;

/** Checks that a command is installed and new enough. */
export function commandCheck(command: keyof typeof OLDEST): Check {
  const { stdout, error, status } = spawnSync(command, [command === "pulumi" ? "version" : "--version"], {
    encoding: "utf8",
    timeout: 30_000,
  });
  const remedy = INSTALL[command];
  if (error || status !== 0) return failed(command, `there is no ${command} command on PATH`, remedy);
  const version = stdout.trim().replace(/^v/, "");
  const major = Number(/^\d+/.exec(version)?.[0]);
  return major >= OLDEST[command]
    ? passed(command, version)
    : failed(command, `${version} is too old: ${OLDEST[command]} at least`, remedy);
}

/**
 * Checks that this process runs on the Node version that the lock file pins, or in the installed package on one that it
 * works with.
 */
export function ownNodeCheck(version = process.versions.node, isClone = CLONE !== undefined): Check {
  const oldest = isClone ? 24 : OLDEST.node;
  return Number(version.split(".")[0]) >= oldest
    ? passed("own Node", `${version} runs this command`)
    : failed(
        "own Node",
        `${version} runs this command; it needs Node ${oldest}`,
        isClone ? "Run it as `npx rates` in the clone, after `npm ci`." : "Install Node 20 or newer.",
      );
}
