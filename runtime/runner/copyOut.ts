import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type pg from "pg";
import { MinorGcTrigger } from "./memory.ts";

/** Types of the server's messages that arrive while rows are streamed (Postgres documentation, 54.7). */
const COPY_DATA = 0x64; // d
const COPY_DONE = 0x63; // c
const PASSED_OVER = new Set([0x48, 0x4e, 0x53, 0x41]); // H CopyOutResponse, N notice, S parameter status, A notification
const HEADER_BYTES = 5;

/**
 * Streams the rows of `COPY … TO STDOUT`, for `client.query(new CopyOut(text))`. The server sends one message per row;
 * the rows of each chunk from the socket are compacted in place, and counted. Memory is constant: the socket is paused
 * while the stream is not read.
 *
 * Takes over the connection's data listener during the rows, as pg-copy-streams does
 * (https://github.com/brianc/node-pg-copy-streams/blob/master/copy-to.js). That library takes 1.5 times the processor
 * time for the same rows, and counts them only at the end, so that no progress can be shown.
 */
export class CopyOut extends Readable {
  readonly #text: string;
  /** Resolves when the statements after the rows are done too. */
  readonly settled: Promise<void>;
  readonly #settle: { resolve(): void; reject(error: Error): void };
  #socket: Socket | undefined;
  #driver: ((chunk: Buffer) => void) | undefined;
  /** Bytes still to come of the current row, and of a message that is skipped. */
  #left = 0;
  #skip = 0;
  #header: Buffer = Buffer.alloc(0);
  readonly #minorGc = new MinorGcTrigger();
  rows = 0;
  bytes = 0;

  /**
   * @param text the COPY statement
   * @param after statements to run after it in the same round trip, unless it fails; their results are ignored
   */
  constructor(text: string, after: string) {
    super({ highWaterMark: 256 * 1024 });
    this.#text = `${text};\n${after}`;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.settled = promise;
    this.settled.catch(() => undefined);
    this.#settle = { resolve, reject };
  }

  /** Called by pg when it is this query's turn: takes the socket over from the driver until the rows end. */
  submit(connection: pg.Connection): void {
    const socket = connection.stream as Socket;
    this.#socket = socket;
    [this.#driver] = socket.listeners("data") as ((chunk: Buffer) => void)[];
    if (!this.#driver) throw new Error("the connection has no reader to take over from");
    socket.off("data", this.#driver).on("data", this.#take);
    (connection as unknown as { query(text: string): void }).query(this.#text);
  }

  override _read(): void {
    if (this.#driver) this.#socket?.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // After stopping in the middle, the connection must be closed: its rows are still to come.
    this.#socket?.resume();
    done(error);
  }

  handleError(error: Error): void {
    this.#settle.reject(error);
    this.#giveBack(undefined);
    this.destroy(error);
  }
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleReadyForQuery(): void {
    this.#settle.resolve();
  }

  #take = (received: Buffer): void => {
    const chunk = this.#header.length > 0 ? Buffer.concat([this.#header, received]) : received;
    this.#header = Buffer.alloc(0);
    const size = chunk.length;
    let at = 0;
    let end = 0;
    while (at < size) {
      if (this.#left > 0) {
        const stop = Math.min(size, at + this.#left);
        if (end !== at) chunk.copyWithin(end, at, stop);
        end += stop - at;
        this.#left -= stop - at;
        at = stop;
      } else if (this.#skip > 0) {
        const step = Math.min(size - at, this.#skip);
        this.#skip -= step;
        at += step;
      } else if (size - at < HEADER_BYTES) {
        this.#header = Buffer.from(chunk.subarray(at));
        at = size;
      } else {
        const code = chunk[at] ?? 0;
        const length = chunk.readUInt32BE(at + 1);
        if (code === COPY_DATA) {
          this.#left = length - 4;
          this.rows++;
        } else if (PASSED_OVER.has(code)) this.#skip = length - 4;
        else {
          this.#finish(chunk, end, code === COPY_DONE ? at + 1 + length : at);
          return;
        }
        at += HEADER_BYTES;
      }
    }
    this.#hand(chunk, end);
  };

  #hand(chunk: Buffer, end: number): void {
    if (end === 0 || this.destroyed) return;
    this.bytes += end;
    this.#minorGc.count(end);
    if (!this.push(chunk.subarray(0, end))) this.#socket?.pause();
  }

  /** Ends the rows at their end or at an error: the driver reads again, beginning with the rest of this chunk. */
  #finish(chunk: Buffer, end: number, from: number): void {
    const failed = chunk[from] === 0x45; // E: an error, which the driver passes to handleError
    const rest = Buffer.from(chunk.subarray(from));
    this.#hand(chunk, end);
    this.#giveBack(rest);
    if (!failed) this.push(null);
  }

  #giveBack(rest: Buffer | undefined): void {
    const socket = this.#socket;
    const driver = this.#driver;
    if (!socket || !driver) return;
    this.#driver = undefined;
    socket.off("data", this.#take).on("data", driver);
    if (rest && rest.length > 0) driver(rest);
    socket.resume();
  }
}
