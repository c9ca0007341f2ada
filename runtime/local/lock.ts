import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Type from "typebox";
import Value from "typebox/value";
import { identify, isAlive } from "./processes.ts";

const Holder = Type.Object({ pid: Type.Integer(), startedAt: Type.String(), stopping: Type.Optional(Type.Boolean()) });
type Holder = Type.Static<typeof Holder>;

/** Milliseconds to wait for a stopping platform: longer than it waits for its jobs. */
const STOPPING_MS = 90_000;

/** A data directory that no other platform uses until `release`. */
export interface Lock {
  /** True if the previous holder ended without releasing it: it was killed, or the machine stopped. */
  recovered: boolean;
  /** Announces that the holder is stopping, so that others wait for the lock. */
  stopping(): void;
  release(): void;
}

/** The data directory is used by another platform. */
export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";
  readonly pid: number;

  constructor(directory: string, pid: number, beside: string) {
    super(
      `The data directory ${directory} is in use by a platform that runs as process ${pid}. ` +
        `Stop that one (Ctrl-C in its terminal), or start another beside it, with another directory and another port: ${beside}`,
    );
    this.pid = pid;
  }
}

/**
 * Takes the lock of a data directory, which is created if absent. Takes over a lock whose holder has ended; waits for
 * a stopping holder, with a message to `print`.
 *
 * @param beside - Command that starts another platform beside the holder.
 * @throws DirectoryInUse if its holder keeps running
 */
export async function lock(
  directory: string,
  print: (line: string) => void = () => {},
  beside = "npm start -- --data-dir OTHER --port 0",
): Promise<Lock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "lock");
  const mine = `${file}.${process.pid}`;
  const self = identify(process.pid);
  let recovered = false;
  let printed = false;
  writeFileSync(mine, JSON.stringify(self), { mode: 0o600 });
  try {
    // Creating a link is atomic and never replaces a file.
    for (const deadline = Date.now() + STOPPING_MS; !tryLink(mine, file); ) {
      const found = readIfExists(file);
      const holder = parse(found);
      if (holder === undefined || !isAlive(holder)) {
        recovered ||= holder !== undefined && holder.stopping !== true;
        removeStale(file, found);
      } else if (holder.stopping === true && Date.now() < deadline) {
        if (!printed)
          print(`The last platform on this data directory (process ${holder.pid}) is stopping; waiting for it …`);
        printed = true;
        await delay(50);
      } else throw new DirectoryInUse(directory, holder.pid, beside);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return {
    recovered,
    stopping() {
      writeFileSync(mine, JSON.stringify({ ...self, stopping: true }), { mode: 0o600 });
      renameSync(mine, file);
    },
    release: () => rmSync(file, { force: true }),
  };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Removes a stale lock, or restores the lock that another process took meanwhile. */
function removeStale(file: string, stale: string): void {
  const renamed = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, renamed);
  } catch {
    return; // Another process was faster; the loop checks again.
  }
  if (readIfExists(renamed) !== stale) tryLink(renamed, file);
  rmSync(renamed, { force: true });
}

function readIfExists(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function parse(text: string): Holder | undefined {
  try {
    return Value.Parse(Holder, JSON.parse(text));
  } catch {
    return undefined;
  }
}
