import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Type from "typebox";
import Value from "typebox/value";
import { identify, isAlive } from "./processes.ts";

const Holder = Type.Object({ pid: Type.Integer(), startedAt: Type.String(), stopping: Type.Optional(Type.Boolean()) });
type Holder = Type.Static<typeof Holder>;

/** Maximum time to wait for a stopping platform: longer than it waits for its jobs. */
const MAX_STOPPING_MS = 90_000;

/** A data directory that no other platform uses until `release`. */
export interface Lock {
  /** True if the previous holder was killed, or the machine stopped, before the holder began to stop. */
  recovered: boolean;
  /** Marks the holder as stopping, so that others wait for the lock. */
  markStopping(): void;
  release(): void;
}

/** Thrown if another platform uses the data directory. */
export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";
  readonly pid: number;

  constructor(directory: string, pid: number, otherCommand: string) {
    super(
      `The data directory ${directory} is in use by a platform that runs as process ${pid}. ` +
        `Stop it (Ctrl-C in its terminal), or start another platform with another directory and another port: ${otherCommand}`,
    );
    this.pid = pid;
  }
}

/**
 * Takes the lock of a data directory, which is created if absent. Takes over a lock whose holder has ended; waits for
 * a stopping holder, with a message to `print`.
 *
 * @param otherCommand - Command that starts another platform, with its own directory and port.
 * @throws DirectoryInUse if its holder keeps running
 */
export async function lock(
  directory: string,
  print: (line: string) => void = () => {},
  otherCommand = "npm start -- --data-dir OTHER --port 0",
): Promise<Lock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "lock");
  const ownFile = `${file}.${process.pid}`;
  const ownIdentity = identify(process.pid);
  let recovered = false;
  let hasPrinted = false;
  writeFileSync(ownFile, JSON.stringify(ownIdentity), { mode: 0o600 });
  try {
    // Creating a link is atomic and never replaces a file.
    for (const deadline = Date.now() + MAX_STOPPING_MS; !tryLink(ownFile, file); ) {
      const content = readIfExists(file);
      const holder = parse(content);
      if (holder === undefined || !isAlive(holder)) {
        recovered ||= holder !== undefined && holder.stopping !== true;
        removeStale(file, content);
      } else if (holder.stopping === true && Date.now() < deadline) {
        if (!hasPrinted)
          print(`The last platform on this data directory (process ${holder.pid}) is stopping; waiting for it …`);
        hasPrinted = true;
        await delay(50);
      } else throw new DirectoryInUse(directory, holder.pid, otherCommand);
    }
  } finally {
    rmSync(ownFile, { force: true });
  }
  return {
    recovered,
    markStopping() {
      writeFileSync(ownFile, JSON.stringify({ ...ownIdentity, stopping: true }), { mode: 0o600 });
      renameSync(ownFile, file);
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
