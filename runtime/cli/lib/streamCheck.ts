import { constants, gunzipSync } from "node:zlib";
import { JobError } from "../../contract/errors.ts";
import { KIND_BYTES, kindOf } from "../../runner/load/fileKinds.ts";
import { readHeader } from "../../runner/load/header.ts";
import { MAX_RECORD_BYTES } from "../../runner/load/sink.ts";
import { TARGETS } from "../../runner/load/targets.ts";
import { otherFormat } from "../../runner/load/text.ts";
import { CommandError } from "./exits.ts";

/** Format and compression of a file's content. */
export interface ContentFormat {
  format: "csv" | "ndjson";
  compression: "none" | "gzip";
}

/**
 * Number of bytes at a stream's beginning that are checked. Only the platform checks the header or the first object of
 * a shorter stream.
 */
const CHECKED_BYTES = 64 * 1024;
/** Number of compressed bytes that are decompressed. DEFLATE expands them at most 1,032 times. */
const COMPRESSED_BYTES = 8 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Detects early that a stream cannot be CSV or NDJSON, since an endless stream would be copied up to the maximum size.
 * Checks the beginning of a long stream, and the length of its lines.
 */
export class StreamCheck {
  readonly #name: string;
  readonly #formatFor: (start: Buffer) => ContentFormat;
  readonly #target: string;
  #starts: Buffer[] = [];
  #keptBytes = 0;
  /** Undefined until the beginning is checked. */
  #format: ContentFormat | undefined;
  /** Bytes since the last line end. */
  #lineBytes = 0;

  /** @param formatFor returns the format of a stream with this beginning, or throws */
  constructor(name: string, formatFor: (start: Buffer) => ContentFormat, target = "prices") {
    this.#name = name;
    this.#formatFor = formatFor;
    this.#target = target;
  }

  /**
   * Adds the next bytes.
   * @param total number of bytes so far, including these
   * @throws CommandError if the stream cannot be loaded
   */
  add(chunk: Buffer, total: number): void {
    const end = Math.max(chunk.lastIndexOf(LF), chunk.lastIndexOf(CR));
    this.#lineBytes = end < 0 ? this.#lineBytes + chunk.length : chunk.length - end - 1;
    if (this.#keptBytes < CHECKED_BYTES) {
      this.#starts.push(Buffer.from(chunk.subarray(0, CHECKED_BYTES - this.#keptBytes)));
      this.#keptBytes += chunk.length;
    }
    if (total <= CHECKED_BYTES) return;
    if (this.#format === undefined) {
      const start = Buffer.concat(this.#starts);
      this.#starts = [];
      this.#format = this.#formatFor(start.subarray(0, KIND_BYTES));
      const text = this.#format.compression === "gzip" ? decompressStart(start.subarray(0, COMPRESSED_BYTES)) : start;
      if (text.length > 0) this.#checkStart(text.subarray(0, CHECKED_BYTES), this.#format.format);
      if (this.#format.compression === "gzip" && hasEndlessLine(text)) throw this.#refusal(ENDLESS_LINE);
    }
    if (this.#format.compression === "none" && this.#lineBytes > MAX_RECORD_BYTES) throw this.#refusal(ENDLESS_LINE);
  }

  #checkStart(start: Buffer, format: ContentFormat["format"]): void {
    const kind = kindOf(start) ?? otherFormat(start, format);
    if (kind) throw this.#refusal(`it looks like ${kind.name}. ${kind.remedy}`);
    const text = start.toString("utf8").replace(/^\uFEFF/, "");
    // In NDJSON a CR is white space.
    const lines = text.split(format === "csv" ? /\r\n|\r|\n/ : "\n");
    const [first = "", ...more] = lines.filter((line) => line.trim() !== "");
    const target = this.#target as keyof typeof TARGETS;
    if (format === "csv") {
      try {
        readHeader(first, TARGETS[target], target);
      } catch (error) {
        throw error instanceof JobError ? new CommandError("invalid", `${error.message} ${STOPPED_MESSAGE}`) : error;
      }
    } else {
      const columns = TARGETS[target].columns.map(({ name }) => name);
      // The only line may be truncated, so it is not parsed.
      const row = more.length === 0 ? undefined : objectIn(first);
      if (!/^\s*\{/.test(first) || row === null) throw this.#refusal("its first line is not a JSON object");
      if (row && !columns.some((name) => Object.hasOwn(row, name)))
        throw this.#refusal(`its first object has no column of ${target} (${columns.join(", ")})`);
    }
  }

  #refusal(reason: string): CommandError {
    return new CommandError(
      "invalid",
      `${this.#name} cannot be loaded: ${reason.replace(/\.$/, "")}. ${STOPPED_MESSAGE}`,
    );
  }
}

/** Returns true if a text has a line that is longer than the maximum of a row. */
function hasEndlessLine(text: Buffer): boolean {
  for (let start = 0; text.length - start > MAX_RECORD_BYTES; ) {
    const line = text.subarray(start, start + MAX_RECORD_BYTES + 1);
    const end = Math.max(line.lastIndexOf(LF), line.lastIndexOf(CR));
    if (end < 0) return true;
    start += end + 1;
  }
  return false;
}
const ENDLESS_LINE = `it has a line that does not end within ${MAX_RECORD_BYTES} bytes`;

/** Parses the JSON object in a line; null for anything else. */
function objectIn(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const STOPPED_MESSAGE = "Reading stopped; nothing was sent.";

/** Decompresses the beginning of a gzip stream. Returns no bytes if it is damaged, which the platform reports. */
function decompressStart(start: Buffer): Buffer {
  try {
    return gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}
