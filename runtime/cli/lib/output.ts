import { randomBytes } from "node:crypto";
import { constants, createWriteStream } from "node:fs";
import { access, type FileHandle, lstat, open, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { CommandError } from "./exits.ts";
import { codeOf, descriptorOf, fileReason, openDescriptor, type Path, pathOf, printableName } from "./files.ts";

/** Format and compression that a file's name states. */
export interface NameFormat {
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
 * Returns the format and compression that an output's name states.
 * @throws CommandError if results do not have that format
 */
export function formatOfName(file: string): NameFormat {
  const isGzip = /\.gz$/i.test(file);
  const extension = extname(isGzip ? file.slice(0, -".gz".length) : file).toLowerCase();
  if (UNSUPPORTED_EXTENSIONS.has(extension))
    throw new CommandError(
      "invalid",
      `--output ${printableName(file)}: results are CSV, NDJSON or JSON, optionally compressed with gzip. Name the file .csv, .ndjson or .json, or one of these with .gz.`,
    );
  return { format: FORMATS[extension as keyof typeof FORMATS], compression: isGzip ? "gzip" : "none" };
}

/** Destination of a result. */
export type Output =
  | { to: "stdout" }
  | { to: "descriptor"; descriptor: number }
  /** Existing target that is written in place: a FIFO, a device, or a file in a read-only directory. */
  | { to: "existing"; path: Path; isFifo: boolean; truncate: boolean }
  /** A new or regular file: written to a temporary file, then renamed. */
  | { to: "file"; path: Path; mode: number | undefined };

const MAX_LINKS = 40;

/**
 * Determines how to write to the target of an option, and checks that it is writable before a job is submitted.
 * @throws CommandError
 */
export async function openOutput(argument: string | undefined, option = "--output"): Promise<Output> {
  if (argument === undefined || argument === "-") return { to: "stdout" };
  const errorFor = (reason: string) =>
    new CommandError("internalError", `${option} ${printableName(argument)} cannot be written: ${reason}.`);
  if (argument === "") throw new CommandError("invalid", `${option} is empty. Name a file, or - for stdout.`);
  try {
    let path = await pathOf(argument);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const descriptor = descriptorOf(path.toString());
      if (descriptor !== undefined) return await descriptorOutput(descriptor, path, errorFor);
      const stats = await lstat(path).catch((error: unknown) =>
        codeOf(error) === "ENOENT" ? undefined : Promise.reject(error),
      );
      if (!stats?.isSymbolicLink()) return await pathOutput(path, argument, errorFor);
      path = resolve(await realpath(dirname(path.toString())), await readlink(path));
    }
    throw errorFor("it has too many levels of symbolic links");
  } catch (error) {
    throw error instanceof CommandError ? error : errorFor(fileReason(error));
  }
}

type ErrorFor = (reason: string) => CommandError;

async function descriptorOutput(descriptor: number, path: Path, errorFor: ErrorFor): Promise<Output> {
  if (descriptor === 1) return { to: "stdout" };
  const stats = openDescriptor(descriptor);
  if (stats === undefined) throw errorFor(`descriptor ${descriptor} is not open`);
  if (!stats.isFIFO()) return { to: "descriptor", descriptor };
  return { to: "existing", path, isFifo: true, truncate: false };
}

async function pathOutput(path: Path, argument: string, errorFor: ErrorFor): Promise<Output> {
  const stats = await stat(path).catch((error: unknown) =>
    codeOf(error) === "ENOENT" ? undefined : Promise.reject(error),
  );
  if (stats?.isDirectory() || (!stats && argument.endsWith("/")))
    throw errorFor(stats ? "it is a directory. Name a file in it" : "there is no such directory");
  if (stats?.isSocket()) throw errorFor("it is a socket");
  if (stats) await access(path, constants.W_OK);
  if (stats && !stats.isFile()) return { to: "existing", path, isFifo: stats.isFIFO(), truncate: false };
  const directory = dirname(path.toString());
  const parent = await stat(directory).catch((error: unknown) => {
    throw errorFor(
      codeOf(error) === "ENOENT" ? `there is no directory ${printableName(directory)}` : fileReason(error),
    );
  });
  if (!parent.isDirectory()) throw errorFor(`${printableName(directory)} is not a directory`);
  try {
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (!stats) throw error;
    return { to: "existing", path, isFifo: false, truncate: true };
  }
  return { to: "file", path, mode: stats?.mode };
}

/** Interval between attempts to open a FIFO without a reader, in milliseconds. */
const FIFO_RETRY_MS = 100;

/** A source stream and its transformations. */
export type Streams = [
  Readable,
  ...(NodeJS.ReadWriteStream | ((source: AsyncIterable<Uint8Array>) => AsyncIterable<string>))[],
];

/**
 * Writes a result to the target of `openOutput`. A file appears only when it is complete. If it replaces a file,
 * that file's permissions are kept.
 * @returns false if the reader closed the pipe before everything was written
 * @throws CommandError if the target cannot be written; rethrows errors of the source
 */
export async function writeOutput(
  output: Output,
  argument: string,
  streams: Streams,
  signal: AbortSignal,
  option = "--output",
): Promise<boolean> {
  // Errors of the source and its decompression are left to the caller.
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
    return true;
  } catch (error) {
    const isWriteError =
      writable === undefined || failure === error || (codeOf(error) !== "" && "syscall" in Object(error));
    if (!isWriteError || signal.aborted || error instanceof CommandError) throw error;
    // The reader closed the pipe.
    if (codeOf(error) === "EPIPE") return false;
    const where = output.to === "stdout" ? "stdout" : `${option} ${printableName(argument)}`;
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
      await pause(FIFO_RETRY_MS, undefined, { signal });
    }
}

async function replaceFile(
  path: Path,
  mode: number | undefined,
  into: (destination: NodeJS.WritableStream) => Promise<void>,
): Promise<void> {
  // The name is random, and short enough for any file system.
  const temporary = temporaryPath(path, `.rates-${randomBytes(12).toString("hex")}.part`);
  try {
    const handle = await open(temporary, "wx", mode === undefined ? 0o666 : 0o600);
    if (mode !== undefined) await handle.chmod(mode & 0o777);
    await into(handle.createWriteStream());
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const temporaryPath = (path: Path, name: string): Path => {
  if (typeof path === "string") return join(dirname(path), name);
  const end = path.lastIndexOf("/");
  return Buffer.concat([path.subarray(0, end + 1), Buffer.from(name)]);
};

/** Suggests a name for a file in another format: `r.csv` for `r.json` and a CSV result. */
export const nameFor = (argument: string, format: string): string =>
  `${basename(argument).replace(/(\.[a-z]+)?(\.gz)?$/i, "")}.${format}`;
