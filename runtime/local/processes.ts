import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Identity of a process. A pid alone may be reused; a pid together with its start time is unique. */
export interface ProcessIdentity {
  pid: number;
  /** Start time in the system's format: clock ticks since boot on Linux, a date elsewhere. Compare, never parse. */
  startedAt: string;
}

/** Identifies process `pid`; undefined if it has ended (also for a zombie, which only waits for its parent). */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = existsSync("/proc/self/stat") ? startFromProc(pid) : startFromPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Returns true if the identified process is still running. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startedAt === process.startedAt;
}

/** Sends a signal to the process if it is running. Returns true if the signal was sent. */
export function signal(target: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    process.kill(target.pid, name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until a process has ended. Polls, since the process need not be a child. Returns false if it is still running
 * after `milliseconds`.
 */
export async function waitForEnd(target: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isAlive(target)) {
    if (Date.now() >= deadline) return false;
    await delay(20);
  }
  return true;
}

/** Returns the processes that have these adjacent words in their command line. */
export function findByArguments(...words: string[]): ProcessIdentity[] {
  const pids = existsSync("/proc/self/cmdline") ? pidsFromProc(words.join("\0")) : pidsFromPs(words.join(" "));
  return pids.filter((pid) => pid !== process.pid).flatMap((pid) => identify(pid) ?? []);
}

function pidsFromProc(words: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return `\0${readFileSync(`/proc/${pid}/cmdline`, "utf8")}`.includes(`\0${words}\0`);
      } catch {
        return false; // It has just ended.
      }
    });
}

function pidsFromPs(words: string): number[] {
  const lines = execFileSync("ps", ["-axo", "pid=,command="], { encoding: "utf8" }).trim().split("\n");
  return lines.filter((line) => `${line} `.includes(` ${words} `)).map((line) => Number.parseInt(line, 10));
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name, in parentheses, may contain spaces and parentheses: the other fields begin after the last
    // parenthesis.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    return state === "Z" || state === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    const [state = "", ...started] = line.split(/\s+/);
    return line === "" || state.startsWith("Z") ? undefined : started.join(" ");
  } catch {
    return undefined;
  }
}
