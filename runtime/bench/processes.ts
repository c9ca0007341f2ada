import { readdirSync, readFileSync } from "node:fs";

/** Returns the ids of this process and its descendants whose command line matches; none except on Linux. */
export function descendants(pattern: RegExp): number[] {
  return pids().filter((pid) => {
    try {
      return pattern.test(readFileSync(`/proc/${pid}/cmdline`, "utf8")) && isDescendant(pid);
    } catch {
      return false; // The process has ended.
    }
  });
}

/** Returns the ids of all processes; none except on Linux. */
export function pids(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Returns the resident memory of a process in bytes; 0 if it has ended. */
export function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Returns the number of open file handles of a process; 0 if it has ended. */
export function openHandles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/**
 * Returns true if a process is this one or descends from it.
 * @throws if the process has ended
 */
export function isDescendant(pid: number): boolean {
  for (let ancestor = pid; ancestor > 1; ) {
    if (ancestor === process.pid) return true;
    ancestor = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${ancestor}/status`, "utf8"))?.[1] ?? 0);
  }
  return false;
}
