import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readSync, type Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { reasonOf } from "../../contract/reason.ts";
import { kindOf } from "../../runner/load/fileKinds.ts";
import { CommandError } from "./exits.ts";
import { escapeHidden } from "./visible.ts";

/** Path for Node's file functions; bytes if it is not UTF-8. */
export type Path = string | Buffer;

/** Meanings of the system's error codes for a file. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is not a directory",
  ELOOP: "it has too many levels of symbolic links",
  ENAMETOOLONG: "the name is too long",
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EFBIG: "the file is too large for its file system",
  EIO: "input/output error of the device",
  EMFILE: "too many files are open",
  EBADF: "this descriptor is not open",
  ENXIO: "nothing is at the other end of this device or socket",
  ETXTBSY: "it is a running program",
};

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";
/** Returns the reason why a file cannot be used, without the system call and the path. */
export const fileReason = (error: unknown): string => REASONS[codeOf(error)] ?? reasonOf(error);

/** Formats a file's name on one line, for messages. */
export const printableName = (name: string): string =>
  escapeHidden(name).replace(/[\n\t]/g, (character) => (character === "\n" ? "\\n" : "\\t"));

const STREAMS: Readonly<Record<string, number>> = { "/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2 };

/** Returns the descriptor that a path names: /dev/stdout, /dev/fd/63 (bash's `<(…)` and `>(…)`), /proc/self/fd/63. */
export function descriptorOf(path: string): number | undefined {
  const number = STREAMS[path] ?? /^\/(?:dev|proc\/self)\/fd\/(\d{1,7})$/.exec(path)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** Returns the stats of an open descriptor; undefined if it is not open or belongs to Node itself. */
export function openDescriptor(descriptor: number): Stats | undefined {
  const stats = statsOf(descriptor);
  if (stats === undefined || descriptor <= 2) return stats;
  if (stats.isFIFO()) return isOwnPipe(descriptor, stats) ? undefined : stats;
  return stats.isFile() || stats.isCharacterDevice() ? stats : undefined;
}

/** Only descriptors below this number are compared, because Node's own pipes get the lowest free numbers. */
const COMPARED_DESCRIPTORS = 64;

/** Returns true for one of Node's own pipes: both of its ends are in this process. */
function isOwnPipe(descriptor: number, { ino, dev }: Stats): boolean {
  for (let other = 3; other < COMPARED_DESCRIPTORS; other++) {
    const end = other === descriptor ? undefined : statsOf(other);
    if (end?.isFIFO() && end.ino === ino && end.dev === dev) return true;
  }
  return false;
}

function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

/** Character with which Node replaces bytes of an argument that are not UTF-8. */
const REPLACEMENT = "\uFFFD";

/**
 * Finds the file that an argument names. Node replaces bytes that are not UTF-8 in arguments, so such a name is looked
 * up in its directory, where at most one name may match.
 * @throws CommandError if several names match
 */
export async function pathOf(argument: string): Promise<Path> {
  if (!argument.includes(REPLACEMENT) || (await exists(argument))) return argument;
  const parent = dirname(argument);
  const directory = parent === argument ? parent : await pathOf(parent);
  return matchingPath(argument, directory, await readdir(directory, { encoding: "buffer" }).catch((): Buffer[] => []));
}

/** Returns the path of the only name that matches the argument's last part, or the argument if no name matches. */
function matchingPath(argument: string, directory: Path, names: readonly Buffer[]): Path {
  const name = basename(argument);
  const matches = names.filter((candidate) => candidate.toString() === name);
  if (matches.length > 1)
    throw new CommandError(
      "invalid",
      `${printableName(argument)} names ${matches.length} files. Rename the one you mean.`,
    );
  const [match] = matches;
  if (match === undefined) return argument;
  return Buffer.concat([Buffer.from(directory), Buffer.from("/"), match]);
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/**
 * Synchronous `pathOf`.
 * @throws CommandError if several names match
 */
function pathOfSync(argument: string): Path {
  if (!argument.includes(REPLACEMENT) || lstatSync(argument, { throwIfNoEntry: false })) return argument;
  const parent = dirname(argument);
  const directory = parent === argument ? parent : pathOfSync(parent);
  return matchingPath(argument, directory, namesIn(directory));
}

function namesIn(directory: Path): Buffer[] {
  try {
    return readdirSync(directory, { encoding: "buffer" });
  } catch {
    return [];
  }
}

/** Maximum size of a file with a request or SQL, in bytes. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

/**
 * Reads a small text in UTF-8 from a file, a FIFO or, for `-`, stdin; a byte order mark is removed.
 * @throws CommandError that names the cause: no such file, too large, another encoding, another kind of file
 */
export function readText(file: string): string {
  const name = file === "-" ? "stdin" : printableName(file);
  let bytes: Buffer;
  try {
    const source = file === "-" ? 0 : (openDescriptorOf(file) ?? pathOfSync(file));
    bytes = readAtMost(source, MAX_TEXT_BYTES + 1);
    if (bytes.length > MAX_TEXT_BYTES)
      throw new CommandError(
        "invalid",
        `${name} has more than ${MAX_TEXT_BYTES} bytes, the maximum of a request or SQL. \`rates load FILE\` loads rows.`,
      );
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError("invalid", `${name} cannot be read: ${fileReason(error)}.`);
  }
  const kind = kindOf(bytes);
  if (kind) throw new CommandError("invalid", `${name} is ${kind.name}. ${kind.remedy}`);
  if (!isUtf8(bytes)) throw new CommandError("invalid", `${name} is not UTF-8: ${NOT_UTF8} Save it as UTF-8.`);
  return bytes.toString().replace(/^\uFEFF/, "");
}

/** Reads a file, a FIFO, a device or a descriptor up to its end, or up to `maxBytes`. */
function readAtMost(source: Path | number, maxBytes: number): Buffer {
  const descriptor = typeof source === "number" ? source : openSync(source, "r");
  try {
    const chunks: Buffer[] = [];
    for (let size = 0; size < maxBytes; ) {
      const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, maxBytes - size));
      const read = readSync(descriptor, chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      size += read;
    }
    return Buffer.concat(chunks);
  } finally {
    if (typeof source !== "number") closeSync(descriptor);
  }
}
const READ_BYTES = 64 * 1024;

/** End of an error message: likely encodings of a text that is not UTF-8. */
export const NOT_UTF8 = "it may be Latin-1 or Windows-1252.";

const openDescriptorOf = (file: string): number | undefined => {
  const descriptor = descriptorOf(file);
  return descriptor !== undefined && openDescriptor(descriptor) ? descriptor : undefined;
};
