import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { identify, type ProcessIdentity, signal, waitForEnd } from "./processes.ts";

/** Milliseconds for a leftover server to end its sessions and write its data. */
const SHUTDOWN_MS = 20_000;

/** Reads line 8 of postmaster.pid: "starting", "ready", "stopping"; undefined if `pid` is not the server of `data`. */
export function postmasterStatus(data: string, pid: number): string | undefined {
  const lines = pidFile(data);
  return lines !== undefined && Number(lines[0]) === pid ? lines[7]?.trim() : undefined;
}

/**
 * Ends leftovers of a killed platform on the data directory `data`: the server itself (fast shutdown: sessions are
 * ended, data is written) and sessions without a server. Afterwards no process uses the directory, and no stale pid
 * file blocks the start. The caller must hold the lock on the directory.
 */
export async function stopLeftovers(data: string): Promise<void> {
  const lines = pidFile(data);
  if (lines === undefined) return;
  const leftovers = processesIn(data);
  const server = leftovers.find((leftover) => leftover.pid === Number(lines[0]));
  if (server !== undefined && signal(server, "SIGINT") && !(await waitForEnd(server, SHUTDOWN_MS))) {
    signal(server, "SIGQUIT");
  }
  for (const leftover of leftovers) {
    // A session of a killed server runs until its statement ends.
    if (leftover !== server) signal(leftover, "SIGQUIT");
    if (!(await waitForEnd(leftover, SHUTDOWN_MS)) && signal(leftover, "SIGKILL"))
      await waitForEnd(leftover, SHUTDOWN_MS);
  }
  rmSync(join(data, "postmaster.pid"), { force: true });
}

function pidFile(data: string): string[] | undefined {
  try {
    return readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
}

/** Returns the server's processes: those whose working directory is `data`. */
function processesIn(data: string): ProcessIdentity[] {
  const directory = realpathSync(data);
  // Without /proc, only the server itself can be found.
  const pids = existsSync("/proc/self") ? readdirSync("/proc") : [pidFile(data)?.[0]];
  const numbers = pids.map(Number).filter(Number.isInteger);
  return numbers.filter((pid) => worksIn(pid, directory)).flatMap((pid) => identify(pid) ?? []);
}

function worksIn(pid: number, directory: string): boolean {
  try {
    if (existsSync("/proc/self")) return readlinkSync(`/proc/${pid}/cwd`) === directory;
    const fields = execFileSync("lsof", ["-a", "-p", String(pid), "-d", "cwd", "-Fn"], { encoding: "utf8" });
    return fields.split("\n").includes(`n${directory}`);
  } catch {
    return false;
  }
}
