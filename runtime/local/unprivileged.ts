import { execFileSync, spawnSync } from "node:child_process";
import { chownSync } from "node:fs";

/**
 * A way to run a program that refuses root, for example Postgres: command prefix, user, and a function that changes the
 * owner of files.
 */
export interface UnprivilegedCommand {
  /** Program and arguments to put before the command; empty if none is needed. */
  prefix: string[];
  /** User and group of the program, if they differ from the current ones. */
  user?: { uid: number; gid: number };
  /** Changes the owner of a path (file or directory) to that user, if there is one. */
  chown(path: string): void;
}

const NAMESPACE = ["unshare", "--user", "--map-user=1000", "--map-group=1000"];
const SYSTEM_USER = "postgres";

/**
 * Finds a way to run `program` as a user other than root, on files below `directory`.
 *
 * Root gets a user namespace in which its own files belong to user 1000. The program can then work below a directory
 * that only root may enter; a system user could not. Without namespaces, the system user `postgres` is used if it
 * exists and may enter both paths.
 */
export function asUnprivileged(program: string, directory: string): UnprivilegedCommand {
  if (process.getuid?.() !== 0) return { prefix: [], chown: () => {} };
  const [command = "", ...args] = NAMESPACE;
  if (spawnSync(command, [...args, program, "--version"]).status === 0) return { prefix: NAMESPACE, chown: () => {} };

  const user = systemUser();
  if (user !== undefined) {
    const enters = spawnSync("test", ["-x", directory], user).status === 0;
    const runs = spawnSync(program, ["--version"], user).status === 0;
    if (enters && runs) return { prefix: [], user, chown: (path) => chownSync(path, user.uid, user.gid) };
  }
  throw new Error(
    [
      "Postgres refuses to run as root, and no other way was found:",
      "  - user namespaces (unshare) are not allowed here;",
      user === undefined
        ? `  - there is no system user "${SYSTEM_USER}".`
        : `  - the system user "${SYSTEM_USER}" may not enter ${directory}, or may not run ${program}.`,
      "Run this as an ordinary user, in a directory that this user may enter.",
    ].join("\n"),
  );
}

function systemUser(): { uid: number; gid: number } | undefined {
  try {
    const id = (flag: string) => Number(execFileSync("id", [flag, SYSTEM_USER], { encoding: "utf8", stdio: "pipe" }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}
