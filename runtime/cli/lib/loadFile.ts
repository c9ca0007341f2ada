import { createHash } from "node:crypto";
import { createReadStream, existsSync, constants as files, fstatSync, openSync, type Stats, statSync } from "node:fs";
import { type FileHandle, mkdtemp, open, rm, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { isatty as isTerminal } from "node:tty";
import { constants, gunzipSync } from "node:zlib";
import { KIND_BYTES, kindOf } from "../../runner/load/fileKinds.ts";
import { otherFormat } from "../../runner/load/text.ts";
import { CommandError } from "./exits.ts";
import { codeOf, descriptorOf, fileReason, openDescriptor, type Path, pathOf, printableName } from "./files.ts";
import { interruptible } from "./interrupt.ts";
import { bar, ProgressLine } from "./progress.ts";
import { bytesText, printInfo, width } from "./screen.ts";
import { type ContentFormat, StreamCheck } from "./streamCheck.ts";

/** A file to upload: a regular file, or the copy of a stream. */
export interface LoadFile extends ContentFormat {
  /** Display name on one line. */
  name: string;
  handle: FileHandle;
  bytes: number;
  sha256: string;
  /** @throws CommandError if the file changed since it was hashed */
  assertUnchanged(): Promise<void>;
  close(): Promise<void>;
}

/** Options that describe the content. */
export interface ContentFlags {
  format?: string;
  compression?: string;
}

/** Options that describe the content, and the table that it is loaded into. */
interface LoadFileFlags extends ContentFlags {
  target?: string;
}

const CHUNK_BYTES = 1024 * 1024;
/** Maximum size of a stream's copy, in bytes. */
const MAX_COPY_BYTES = 20_000_000_000;

/**
 * Opens a file to load: a path, or `-` for stdin. Sources that cannot be read twice (stdin, a FIFO, `<(…)`) are copied
 * into a temporary file first, since size and hash are needed before the upload.
 * @throws CommandError that names the cause
 */
export async function openLoadFile(pathOrDash: string, flags: LoadFileFlags): Promise<LoadFile> {
  if (pathOrDash === "")
    throw new CommandError("invalid", "The name of the file is empty. Name a file, or - for stdin.");
  const addressRemedy = remedyForAddress(pathOrDash);
  if (addressRemedy !== undefined && !existsSync(pathOrDash)) throw new CommandError("invalid", addressRemedy);
  const isStdin = pathOrDash === "-" || descriptorOf(pathOrDash) === 0;
  const name = isStdin ? "stdin" : printableName(pathOrDash);
  try {
    return await interruptible(
      (signal) => openSource(pathOrDash, name, isStdin, flags, signal),
      () => `${name} was not read to its end. Nothing was submitted.`,
    );
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw unreadable(name, fileReason(error));
  }
}

/** Returns advice on loading from an address; undefined if the text is not an address. */
function remedyForAddress(text: string): string | undefined {
  const scheme = ["https://", "http://", "s3://", "file://"].find((candidate) =>
    text.toLowerCase().startsWith(candidate),
  );
  if (scheme === undefined) return undefined;
  if (scheme === "file://") return "`rates load` takes a path, not a file:// address: leave out file://.";
  const source = scheme === "s3://" ? '{"s3":"s3://…"}' : '{"url":"https://…"}';
  return `\`rates load\` sends files of this machine. To load from ${scheme}…, use \`rates submit\` with an update whose source is ${source}, or download the file first.`;
}

const unreadable = (name: string, reason: string) => new CommandError("invalid", `${name} cannot be read: ${reason}.`);

async function openSource(
  pathOrDash: string,
  name: string,
  isStdin: boolean,
  flags: LoadFileFlags,
  signal: AbortSignal,
): Promise<LoadFile> {
  const descriptor = descriptorOf(pathOrDash);
  if (descriptor !== undefined && !openDescriptor(descriptor))
    throw unreadable(name, `descriptor ${descriptor} is not open`);
  if (isStdin) {
    assertFiniteDevice(fstatSync(0), name);
    return toLoadFile(await copyStream(process.stdin, name, undefined, flags, signal), name, undefined, flags);
  }
  const path = await pathOf(pathOrDash);
  const stats = await stat(path);
  if (stats.isDirectory()) throw unreadable(name, "it is a directory. Name a file in it");
  if (stats.isSocket()) throw unreadable(name, "it is a socket");
  assertFiniteDevice(stats, name);
  const isNamed = descriptor === undefined && (stats.isFile() || EXTENSION.test(pathOrDash));
  const fileName = isNamed ? basename(pathOrDash) : undefined;
  if (stats.isFIFO())
    return toLoadFile(await copyStream(fifo(path), name, fileName, flags, signal), name, fileName, flags);
  // Files of /proc have a size of 0 although they have content.
  if (!stats.isFile() || stats.size === 0)
    return toLoadFile(await copyStream(createReadStream(path), name, fileName, flags, signal), name, fileName, flags);
  const handle = await open(path);
  try {
    return await toLoadFile(await hashFile(handle, path, name, signal), name, fileName, flags);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Refuses devices whose content may be endless: all except those of `finiteDevices`.
 * @throws CommandError
 */
function assertFiniteDevice(stats: Stats, name: string): void {
  if (!(stats.isCharacterDevice() || stats.isBlockDevice()) || finiteDevices().includes(stats.rdev)) return;
  throw unreadable(name, "it is a device. Name a file, or write its rows into a pipe: command | rates load -");
}

/** Device numbers of /dev/null, /dev/tty and, if it is a terminal, stdin. */
const finiteDevices = (): number[] => [
  ...["/dev/null", "/dev/tty"].flatMap((path) => statSync(path, { throwIfNoEntry: false })?.rdev ?? []),
  ...(isTerminal(0) ? [fstatSync(0).rdev] : []),
];

/** Flags for a FIFO: a blocking open could not be interrupted until the FIFO has a writer. */
const NON_BLOCKING = files.O_RDONLY | files.O_NONBLOCK;
const fifo = (path: Path): Readable =>
  new Socket({ fd: openSync(path, NON_BLOCKING), readable: true, writable: false });

interface Content {
  handle: FileHandle;
  bytes: number;
  sha256: string;
  start: Buffer;
  assertUnchanged(): Promise<void>;
}

async function toLoadFile(
  content: Content,
  name: string,
  fileName: string | undefined,
  flags: ContentFlags,
): Promise<LoadFile> {
  const { handle, start, ...rest } = content;
  const close = () => handle.close();
  try {
    if (rest.bytes === 0) throw new CommandError("invalid", `${name} is empty.`);
    return { name, handle, ...rest, ...formatFor(name, fileName, start, flags), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Creates the error for a file that changed after its load began.
 * @param change the change as a verb in the past tense, for example "grew"
 */
export const changedWhileRead = (name: string, change: string): CommandError =>
  new CommandError(
    "invalid",
    `${name} ${change} while it was read. Nothing was submitted; load it when it is complete.`,
  );

/**
 * Reads a regular file to compute its hash.
 * @throws CommandError if the file changes meanwhile
 */
async function hashFile(handle: FileHandle, path: Path, name: string, signal: AbortSignal): Promise<Content> {
  const before = await handle.stat({ bigint: true });
  const hash = createHash("sha256");
  const line = new ProgressLine();
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let start: Buffer | undefined;
  let bytes = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, bytes);
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      start ??= Buffer.from(chunk.subarray(0, KIND_BYTES));
      hash.update(chunk);
      bytes += bytesRead;
      // A file that grows while it is read might never end.
      if (bytes > before.size) break;
      const head = "Reading  ";
      const size = bytesText(Number(before.size));
      if (before.size > 64 * CHUNK_BYTES)
        line.update(
          head + bar(bytes / Number(before.size), `of ${size}`, "", undefined, width(process.stderr) - head.length),
        );
    }
  } finally {
    line.end();
  }
  const changed = (change: string) => changedWhileRead(name, change);
  const assertUnchanged = async () => {
    const now = await handle.stat({ bigint: true });
    if (now.size !== before.size) throw changed(now.size > before.size ? "grew" : "became shorter");
    if (now.mtimeNs !== before.mtimeNs) throw changed("was written to");
    const current = await stat(path, { bigint: true }).catch((error: unknown) => {
      throw codeOf(error) === "ENOENT" ? changed("was removed") : error;
    });
    if (current.ino !== before.ino || current.dev !== before.dev) throw changed("was replaced by another file");
  };
  await assertUnchanged();
  if (BigInt(bytes) !== before.size) throw changed("changed");
  return { handle, bytes, sha256: hash.digest("hex"), start: start ?? Buffer.alloc(0), assertUnchanged };
}

/**
 * Copies a stream into an unlinked temporary file, which the system removes after use. Stops at content that cannot be
 * loaded, since a stream may have no end.
 */
async function copyStream(
  source: Readable,
  name: string,
  fileName: string | undefined,
  flags: LoadFileFlags,
  signal: AbortSignal,
): Promise<Content> {
  const copyError = (error: unknown) =>
    new CommandError(
      "internalError",
      `${name} cannot be copied to ${tmpdir()}: ${fileReason(error)}. Set TMPDIR to use another directory.`,
    );
  const handle = await unlinkedCopy().catch((error: unknown) => Promise.reject(copyError(error)));
  const hash = createHash("sha256");
  const line = new ProgressLine();
  const starts: Buffer[] = [];
  const content = new StreamCheck(name, (start) => formatFor(name, fileName, start, flags), flags.target);
  let bytes = 0;
  const start = Date.now();
  if (process.stdin === source && process.stdin.isTTY) printInfo("Reading from the terminal; Ctrl-D ends the input.");
  else if (process.stderr.isTTY) line.update(`Reading ${name}`);
  const stop = () => source.destroy(new Error("interrupted"));
  signal.addEventListener("abort", stop);
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      if (bytes < KIND_BYTES) starts.push(Buffer.from(chunk.subarray(0, KIND_BYTES)));
      hash.update(chunk);
      bytes += chunk.length;
      content.add(chunk, bytes);
      if (bytes > MAX_COPY_BYTES)
        throw new CommandError(
          "invalid",
          `${name} has more than ${bytesText(MAX_COPY_BYTES)}, the maximum for a pipe.`,
        );
      await handle.writeFile(chunk).catch((error: unknown) => Promise.reject(copyError(error)));
      if (Date.now() - start > PROMPT_DELAY_MS) line.update(`Reading ${name}  ${bytesText(bytes)}`);
    }
    signal.throwIfAborted();
  } catch (error) {
    await handle.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    source.destroy();
    line.end();
  }
  return {
    handle,
    bytes,
    sha256: hash.digest("hex"),
    start: Buffer.concat(starts).subarray(0, KIND_BYTES),
    assertUnchanged: async () => undefined,
  };
}

/** Time after which the progress of reading a stream is shown, in milliseconds. */
const PROMPT_DELAY_MS = 1_000;

/** Creates an unlinked temporary file. */
async function unlinkedCopy(): Promise<FileHandle> {
  const directory = await mkdtemp(join(tmpdir(), "rates-"));
  try {
    return await open(join(directory, "copy"), "wx+", 0o600);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const EXTENSION = /\.(csv|ndjson|jsonl)(\.gz)?$/i;
const GZIP = Buffer.from([0x1f, 0x8b]);

/**
 * Determines the format of a file from flags or its name; without a name, from its first bytes. The first bytes also
 * determine the compression if no flag is given and the name has no known extension.
 * @throws CommandError if the format is unknown, or the content contradicts it
 */
function formatFor(name: string, fileName: string | undefined, start: Buffer, flags: ContentFlags): ContentFormat {
  const match = EXTENSION.exec(fileName ?? "");
  const isGzip = start.subarray(0, 2).equals(GZIP);
  const fromName = match && { format: match[1]?.toLowerCase() === "csv" ? "csv" : "ndjson", gzipExtension: match[2] };
  const format = flags.format ?? fromName?.format ?? (fileName === undefined ? detectFormat(start, isGzip) : undefined);
  const looksLike = (kindName: string, remedy: string) =>
    new CommandError("invalid", `${name} looks like ${kindName}. ${remedy} Nothing was sent.`);
  const kind = isGzip ? undefined : kindOf(start);
  if (kind) throw looksLike(kind.name, kind.remedy);
  if (format === undefined)
    throw new CommandError(
      "invalid",
      `The format of ${name} is unknown. Add --format csv or --format ndjson, or name it .csv or .ndjson (.gz).`,
    );
  const compression =
    flags.compression ?? (fromName ? (fromName.gzipExtension ? "gzip" : "none") : isGzip ? "gzip" : "none");
  if (compression === "gzip") {
    if (isGzip) return { format: format as LoadFile["format"], compression };
    throw new CommandError(
      "invalid",
      `${name} is not compressed by gzip. Add --compression none, or name it without .gz. Nothing was sent.`,
    );
  }
  if (isGzip) throw looksLike("a gzip file", "Add --compression gzip, or name it .gz.");
  const other = otherFormat(start, format as LoadFile["format"]);
  if (other !== undefined)
    throw looksLike(
      other.name,
      format === "csv" ? "Add --format ndjson." : other.name === "CSV" ? "Add --format csv." : other.remedy,
    );
  return { format: format as LoadFile["format"], compression: "none" };
}

/** Returns the format of content without a file name: text that begins with an object is NDJSON, any other is CSV. */
function detectFormat(start: Buffer, isGzip: boolean): "csv" | "ndjson" {
  let text = start;
  try {
    // Only the beginning is available, so a missing end is not an error.
    if (isGzip)
      text = gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_DECOMPRESSED_BYTES });
  } catch {
    // The gzip data is damaged, which the platform reports when it reads the whole file.
  }
  return /^\uFEFF?\s*\{/.test(text.toString()) ? "ndjson" : "csv";
}
const MAX_DECOMPRESSED_BYTES = 16 * 1024 * 1024;
