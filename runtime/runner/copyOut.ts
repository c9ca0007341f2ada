import type { Socket } from "node:net";
import type pg from "pg";
import { MinorGcTrigger } from "./memory.ts";
import { type ExecutedStatements, Statements } from "./messages.ts";
import { Pipeline, type PipelineResults } from "./pipeline.ts";

/** Types of the server's messages before and while rows are streamed (Postgres documentation, Message Formats). */
const COPY_OUT = 0x48; // H
const COPY_DATA = 0x64; // d
const COPY_DONE = 0x63; // c
const ERROR = 0x45; // E
const READY = 0x5a; // Z
const IGNORED_MESSAGES = new Set([0x4e, 0x53, 0x41]); // N notice, S parameter status, A notification
const HEADER_BYTES = 5;
/** Size of the buffers that gather rows for the reader, since the server sends only 8 kB at a time. Bytes. */
const GATHERED_BYTES = 256 * 1024;
/** Size of the first buffer if the rows so far fit into it, as those of a small result do. Bytes. */
const FIRST_GATHERED_BYTES = 4 * 1024;
/** Number of waiting bytes at which the socket is paused. */
const HIGH_WATER_BYTES = 2 * GATHERED_BYTES;

/** Statements of a {@link CopyOut}, in the order in which they are sent. */
export interface CopyOptions {
  /** Statements before the COPY; at most one of them describes columns. */
  before?: Statements;
  /** `COPY … TO STDOUT`. */
  copy: string;
  /** Statements after the COPY; their results are ignored. */
  after: ExecutedStatements;
  /** True if the rows form one JSON array; each row is then a comma and a JSON value. */
  isArray?: boolean;
  /** Receives the results of `before`, before the first row. If it throws, reading the rows fails with that error. */
  onBegun?(results: PipelineResults): void;
}

/**
 * Streams the rows of `COPY … TO STDOUT`: `await client.query(copy)`, then iterate. The statements before and after the
 * COPY are sent in the same round trip. The server sends one message per row; the rows of each chunk from the socket
 * are compacted in place, and counted. Memory is constant: the socket is paused while too many bytes wait for the
 * reader.
 *
 * Takes over the connection's data listener until the rows end, as pg-copy-streams does
 * (https://github.com/brianc/node-pg-copy-streams/blob/master/copy-to.js). That library takes 1.5 times the processor
 * time for the same rows, and counts them only at the end, so it cannot show progress.
 */
export class CopyOut extends Pipeline implements AsyncIterableIterator<Buffer> {
  readonly #isArray: boolean;
  readonly #onBegun: ((results: PipelineResults) => void) | undefined;
  #socket: Socket | undefined;
  #driverListener: ((chunk: Buffer) => void) | undefined;
  /** True once the server has begun to send rows. */
  #isCopying = false;
  /** Bytes of the current row that have not arrived yet. */
  #remainingBytes = 0;
  /** Bytes of the current message that have not arrived yet, if it is not a row. */
  #skipBytes = 0;
  /** Beginning of a message whose header has not arrived completely. */
  #header: Buffer = Buffer.alloc(0);
  readonly #minorGc = new MinorGcTrigger();

  /** Buffer of rows for the reader, and the number of bytes in it. */
  #gathered: Buffer = EMPTY;
  #gatheredBytes = 0;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #isStopped = false;
  #error: Error | undefined;
  #reader: PromiseWithResolvers<IteratorResult<Buffer, undefined>> | undefined;

  /** True while rows may still arrive; the connection cannot be used for anything else meanwhile. */
  isUnderway = false;
  rows = 0;
  bytes = 0;

  constructor({ before = new Statements(), copy, after, isArray = false, onBegun }: CopyOptions) {
    super(before.execute(copy).append(after));
    this.#isArray = isArray;
    this.#onBegun = onBegun;
  }

  /** Called by pg when this query may be sent. Takes over the socket from the driver until the rows end. */
  override submit(connection: pg.Connection): void {
    const socket = connection.stream as Socket;
    this.#socket = socket;
    [this.#driverListener] = socket.listeners("data") as ((chunk: Buffer) => void)[];
    if (!this.#driverListener) throw new Error("the connection has no data listener to take over from");
    this.isUnderway = true;
    socket.off("data", this.#driverListener).on("data", this.#receive);
    super.submit(connection);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    const value = this.#chunks.shift();
    if (value !== undefined) {
      this.#waitingBytes -= value.length;
      if (this.#driverListener && this.#waitingBytes < HIGH_WATER_BYTES) this.#socket?.resume();
      return Promise.resolve({ value, done: false });
    }
    if (this.#error) return Promise.reject(this.#error);
    if (this.#isEnded || this.#isStopped) return Promise.resolve({ value: undefined, done: true });
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** Stops reading. If rows may still arrive (`isUnderway`), the connection must be closed. */
  return(): Promise<IteratorResult<Buffer, undefined>> {
    this.#isStopped = true;
    this.#chunks = [];
    this.#socket?.resume();
    return Promise.resolve({ value: undefined, done: true });
  }

  override handleError(error: Error & { severity?: string }): void {
    // An error from the server ends the statement; after any other error, rows may still arrive.
    if (error.severity !== undefined) this.isUnderway = false;
    super.handleError(error);
    this.#returnSocket(undefined);
    this.#fail(error);
  }
  /** Counts only the statements before the COPY. */
  override handleCommandComplete(): void {
    if (!this.#isCopying) super.handleCommandComplete();
  }
  override handleReadyForQuery(): void {
    this.isUnderway = false;
    super.handleReadyForQuery();
  }

  #receive = (received: Buffer): void => {
    const chunk = this.#header.length > 0 ? Buffer.concat([this.#header, received]) : received;
    this.#header = Buffer.alloc(0);
    if (this.#isCopying) this.#takeRows(chunk, 0);
    else this.#takeResults(chunk);
  };

  /** Passes results of the statements before the COPY to the driver. */
  #takeResults(chunk: Buffer): void {
    const size = chunk.length;
    let at = 0;
    while (at < size) {
      if (this.#skipBytes > 0) {
        const step = Math.min(size - at, this.#skipBytes);
        this.#skipBytes -= step;
        at += step;
        continue;
      }
      if (size - at < HEADER_BYTES) break;
      const code = chunk[at];
      if (code === ERROR || code === READY) {
        this.#returnSocket(chunk);
        return;
      }
      const length = 1 + chunk.readUInt32BE(at + 1);
      if (code === COPY_OUT) {
        if (at > 0) this.#driverListener?.(chunk.subarray(0, at));
        this.#begin();
        this.#skipBytes = length;
        this.#takeRows(chunk, at);
        return;
      }
      this.#skipBytes = length;
    }
    this.#header = Buffer.from(chunk.subarray(at));
    if (at > 0) this.#driverListener?.(chunk.subarray(0, at));
  }

  #begin(): void {
    this.#isCopying = true;
    try {
      this.#onBegun?.(this.collected);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #takeRows(chunk: Buffer, from: number): void {
    const size = chunk.length;
    let at = from;
    let end = 0;
    while (at < size) {
      if (this.#remainingBytes > 0) {
        const stop = Math.min(size, at + this.#remainingBytes);
        if (end !== at) chunk.copyWithin(end, at, stop);
        end += stop - at;
        this.#remainingBytes -= stop - at;
        at = stop;
      } else if (this.#skipBytes > 0) {
        const step = Math.min(size - at, this.#skipBytes);
        this.#skipBytes -= step;
        at += step;
      } else if (size - at < HEADER_BYTES) {
        this.#header = Buffer.from(chunk.subarray(at));
        at = size;
      } else {
        const code = chunk[at] ?? 0;
        const length = chunk.readUInt32BE(at + 1);
        if (code === COPY_DATA) {
          this.#remainingBytes = length - 4;
          this.rows++;
        } else if (IGNORED_MESSAGES.has(code)) this.#skipBytes = length - 4;
        else {
          this.#finish(chunk, end, code === COPY_DONE ? at + 1 + length : at);
          return;
        }
        at += HEADER_BYTES;
      }
    }
    this.#passRows(chunk, end);
  }

  #passRows(chunk: Buffer, end: number): void {
    if (end === 0) return;
    if (this.#isArray && this.bytes === 0) chunk[0] = OPEN_BRACKET;
    this.bytes += end;
    this.#minorGc.count(end);
    for (let at = 0; at < end; ) {
      if (this.#gathered.length === 0)
        this.#gathered = Buffer.allocUnsafeSlow(
          this.bytes <= FIRST_GATHERED_BYTES ? FIRST_GATHERED_BYTES : GATHERED_BYTES,
        );
      const copied = chunk.copy(this.#gathered, this.#gatheredBytes, at, end);
      this.#gatheredBytes += copied;
      at += copied;
      if (this.#gatheredBytes === this.#gathered.length) this.#flush();
    }
  }

  /** Passes the gathered rows to the reader. */
  #flush(): void {
    const rows = this.#gathered.subarray(0, this.#gatheredBytes);
    this.#gathered = EMPTY;
    this.#gatheredBytes = 0;
    if (rows.length > 0) this.#push(rows);
  }

  #push(value: Buffer): void {
    if (this.#isStopped || this.#error) return;
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      reader.resolve({ value, done: false });
      return;
    }
    this.#chunks.push(value);
    this.#waitingBytes += value.length;
    if (this.#waitingBytes >= HIGH_WATER_BYTES) this.#socket?.pause();
  }

  #fail(error: Error): void {
    if (this.#isEnded) return;
    this.#error ??= error;
    this.#reader?.reject(error);
    this.#reader = undefined;
  }

  /** Ends the rows, after the last row or at an error. The driver reads the rest of this chunk and all later chunks. */
  #finish(chunk: Buffer, end: number, from: number): void {
    const isError = chunk[from] === ERROR; // the driver passes it to handleError
    const rest = Buffer.from(chunk.subarray(from));
    this.#passRows(chunk, end);
    if (!isError) {
      this.#flush();
      this.isUnderway = false;
      if (this.#isArray) this.#push(this.bytes === 0 ? EMPTY_ARRAY : ARRAY_END);
      this.#isEnded = this.#error === undefined;
      this.#reader?.resolve({ value: undefined, done: true });
      this.#reader = undefined;
    }
    this.#returnSocket(rest);
  }

  #returnSocket(rest: Buffer | undefined): void {
    const socket = this.#socket;
    const driverListener = this.#driverListener;
    if (!socket || !driverListener) return;
    this.#driverListener = undefined;
    socket.off("data", this.#receive).on("data", driverListener);
    if (rest && rest.length > 0) driverListener(rest);
    socket.resume();
  }
}

const EMPTY = Buffer.alloc(0);
const OPEN_BRACKET = 0x5b; // [
const ARRAY_END = Buffer.from("]");
const EMPTY_ARRAY = Buffer.from("[]");
