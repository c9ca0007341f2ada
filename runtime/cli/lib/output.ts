import { randomBytes } from "node:crypto";
import { constants, createWriteStream } from "node:fs";
import { access, type FileHandle, lstat, open, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { CommandError } from "./exits.ts";
import { codeOf, descriptorOf, fileReason, openDescriptor, type Path, pathOf, printableName } from "./files.ts";

/** Format and compression by a file's name. */
export interface NamedKind {
  format: "csv" | "ndjson" | "json" | undefined;
  compression: "none" | "gzip";
}

const FORMATS = { ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json" } as const;
/** Extensions of formats that results do not have. */
const UNSUPPORTED_EXTENSIONS = new Set(
  ".tsv .xls .xlsx .ods .parquet .avro .orc .xml .html .pdf .sql .zip .tar .tgz .bz2 .xz .zst .lz4 .7z .rar .z".split(
    " ",
  ),
);

/**
 * Returns format and compression by an output's name.
 * @throws CommandError for a format that results do not have
 */
export function namedKind(file: string): NamedKind {
  const packed = /\.gz$/i.test(file);
  const extension = extname(packed ? file.slice(0, -".gz".length) : file).toLowerCase();
  if (UNSUPPORTED_EXTENSIONS.has(extension))
    throw new CommandError(
      "invalid",
      `--output ${printableName(file)}: results are CSV, NDJSON or JSON, optionally gzipped. Name the file .csv, .ndjson, .json, or one of these with .gz.`,
    );
  return { format: FORMATS[extension as keyof typeof FORMATS], compression: packed ? "gzip" : "none" };
}

/** Destination of a result. */
export type Output =
  | { to: "stdout" }
  | { to: "descriptor"; descriptor: number }
  /** An existing target that is written in place: a FIFO, a device, or a file in a read-only directory. */
  | { to: "existing"; path: Path; isFifo: boolean; truncate: boolean }
  /** A new or regular file: written to a temporary file, then renamed. */
  | { to: "file"; path: Path; mode: number | undefined };

const MAX_LINKS = 40;

/**
 * Determines how to write an --output, and checks that it is writable before a job is submitted.
 * @throws CommandError
 */
export async function openOutput(argument: string | undefined): Promise<Output> {
  if (argument === undefined || argument === "-") return { to: "stdout" };
  const refused = (reason: string) =>
    new CommandError("internalError", `--output ${printableName(argument)} cannot be written: ${reason}.`);
  if (argument === "") throw new CommandError("invalid", "--output is empty. Name a file, or - for stdout.");
  try {
    let path = await pathOf(argument);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const descriptor = descriptorOf(path.toString());
      if (descriptor !== undefined) return await toDescriptor(descriptor, path, refused);
      const found = await lstat(path).catch((error: unknown) =>
        codeOf(error) === "ENOENT" ? undefined : Promise.reject(error),
      );
      if (!found?.isSymbolicLink()) return await toPath(path, argument, refused);
      path = resolve(await realpath(dirname(path.toString())), await readlink(path));
    }
    throw refused("it has too many levels of symbolic links");
  } catch (error) {
    throw error instanceof CommandError ? error : refused(fileReason(error));
  }
}

type Refuse = (reason: string) => CommandError;

async function toDescriptor(descriptor: number, path: Path, refused: Refuse): Promise<Output> {
  if (descriptor === 1) return { to: "stdout" };
  const found = openDescriptor(descriptor);
  if (found === undefined) throw refused(`descriptor ${descriptor} is not open`);
  if (!found.isFIFO()) return { to: "descriptor", descriptor };
  return { to: "existing", path, isFifo: true, truncate: false };
}

async function toPath(path: Path, argument: string, refused: Refuse): Promise<Output> {
  const found = await stat(path).catch((error: unknown) =>
    codeOf(error) === "ENOENT" ? undefined : Promise.reject(error),
  );
  if (found?.isDirectory() || (!found && argument.endsWith("/")))
    throw refused(found ? "it is a directory. Name a file in it" : "there is no such directory");
  if (found?.isSocket()) throw refused("it is a socket");
  if (found) await access(path, constants.W_OK);
  if (found && !found.isFile()) return { to: "existing", path, isFifo: found.isFIFO(), truncate: false };
  const directory = dirname(path.toString());
  const parent = await stat(directory).catch((error: unknown) => {
    throw refused(codeOf(error) === "ENOENT" ? `there is no directory ${printableName(directory)}` : fileReason(error));
  });
  if (!parent.isDirectory()) throw refused(`${printableName(directory)} is not a directory`);
  try {
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (!found) throw error;
    return { to: "existing", path, isFifo: false, truncate: true };
  }
  return { to: "file", path, mode: found?.mode };
}

/** Interval of attempts to open a FIFO without a reader. Milliseconds. */
const FIFO_MS = 100;

/** A source stream and its transformations. */
export type Streams = [
  Readable,
  ...(NodeJS.ReadWriteStream | ((source: AsyncIterable<Uint8Array>) => AsyncIterable<string>))[],
];

/**
 * Writes a result to the target of `openOutput`. A file appears when it is complete, and keeps its permissions.
 * @throws CommandError if it cannot be written; errors of the source unchanged
 */
export async function writeOutput(output: Output, argument: string, streams: Streams, signal: AbortSignal) {
  // The caller reports errors of the source and its decompression.
  let writable: NodeJS.WritableStream | undefined;
  let failure: unknown;
  const into = (destination: NodeJS.WritableStream, end = true) => {
    writable = destination.once("error", (error) => {
      failure = error;
    });
    return pipeline([...streams, destination] as never, { end, signal }) as Promise<void>;
  };
  try {
    if (output.to === "stdout") await into(process.stdout, false);
    else if (output.to === "descriptor") await into(createWriteStream("", { fd: output.descriptor, autoClose: false }));
    else if (output.to === "existing") await into((await openExisting(output, signal)).createWriteStream());
    else await replaceFile(output.path, output.mode, into);
  } catch (error) {
    const isOwn = writable === undefined || failure === error || (codeOf(error) !== "" && "syscall" in Object(error));
    if (!isOwn || signal.aborted || error instanceof CommandError) throw error;
    // The reader of the pipe has closed it.
    if (codeOf(error) === "EPIPE") return;
    const where = output.to === "stdout" ? "stdout" : `--output ${printableName(argument)}`;
    throw new CommandError("internalError", `${where} cannot be written: ${fileReason(error)}.`);
  }
}

async function openExisting(
  { path, isFifo, truncate }: Extract<Output, { to: "existing" }>,
  signal: AbortSignal,
): Promise<FileHandle> {
  const flags = constants.O_WRONLY | (truncate ? constants.O_TRUNC : 0);
  if (!isFifo) return open(path, flags);
  // Opening a FIFO blocks uninterruptibly until it has a reader, so non-blocking attempts are repeated.
  for (;;)
    try {
      const probe = await open(path, flags | constants.O_NONBLOCK);
      const handle = await open(path, flags);
      await probe.close();
      return handle;
    } catch (error) {
      if (codeOf(error) !== "ENXIO") throw error;
      await pause(FIFO_MS, undefined, { signal });
    }
}

async function replaceFile(
  path: Path,
  mode: number | undefined,
  into: (destination: NodeJS.WritableStream) => Promise<void>,
): Promise<void> {
  // Random, and short enough for any file system.
  const part = temporaryPath(path, `.rates-${randomBytes(12).toString("hex")}.part`);
  try {
    const handle = await open(part, "wx", mode === undefined ? 0o666 : 0o600);
    if (mode !== undefined) await handle.chmod(mode & 0o777);
    await into(handle.createWriteStream());
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

const temporaryPath = (path: Path, name: string): Path => {
  if (typeof path === "string") return join(dirname(path), name);
  const end = path.lastIndexOf("/");
  return Buffer.concat([path.subarray(0, end + 1), Buffer.from(name)]);
};

/** Suggests a file name for a format: `r.csv` for a CSV result. */
export const nameFor = (argument: string, format: string): string =>
  `${basename(argument).replace(/(\.[a-z]+)?(\.gz)?$/i, "")}.${format}`;
