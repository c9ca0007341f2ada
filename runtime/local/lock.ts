import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Type from "typebox";
import Value from "typebox/value";
import { identify, isAlive, type ProcessIdentity } from "./processes.ts";

const Holder = Type.Object({ pid: Type.Integer(), startedAt: Type.String() });

/** A data directory that no other platform uses until `release`. */
export interface Lock {
  /** Whether the one before ended without releasing it: it was killed, or the machine stopped. */
  recovered: boolean;
  release(): void;
}

/** Another platform runs on this data directory. */
export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";
  readonly pid: number;

  constructor(directory: string, pid: number) {
    super(
      `The data directory ${directory} is in use by a platform that runs as process ${pid}. ` +
        "Stop that one (Ctrl-C in its terminal), or start with another directory: npm start -- --data-dir OTHER",
    );
    this.pid = pid;
  }
}

/**
 * Takes the lock of a data directory, which is made if absent. A lock whose holder has ended is taken over.
 * Throws DirectoryInUse if its holder lives.
 */
export function lock(directory: string): Lock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "lock");
  const mine = `${file}.${process.pid}`;
  const self = JSON.stringify(identify(process.pid));
  let recovered = false;
  writeFileSync(mine, self, { mode: 0o600 });
  try {
    // A link appears whole or not at all, and never over another file.
    while (!linked(mine, file)) {
      const found = read(file);
      const holder = parse(found);
      if (holder !== undefined && isAlive(holder)) throw new DirectoryInUse(directory, holder.pid);
      recovered ||= holder !== undefined;
      discard(file, found);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return {
    recovered,
    release() {
      if (read(file) === self) rmSync(file, { force: true });
    },
  };
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Removes the stale lock, and puts it back if it turns out to be one that somebody else took in the meantime. */
function discard(file: string, stale: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // Somebody else was faster; the loop looks again.
  }
  if (read(aside) !== stale) linked(aside, file);
  rmSync(aside, { force: true });
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function parse(text: string): ProcessIdentity | undefined {
  try {
    return Value.Parse(Holder, JSON.parse(text));
  } catch {
    return undefined;
  }
}
