const LINE_FEED = 10;
const BACKSLASH_DOT = Buffer.from("\\.");

/**
 * Reads a SQL script from a byte stream: by lines, and the data of a COPY in chunks. Holds one chunk (or one longer
 * line) at a time.
 */
export class Lines {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #line = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Number of the line that was read last, from 1. */
  get line(): number {
    return this.#line;
  }

  /** Reads the next line with its line feed (the last may have none), or undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    let searched = 0;
    for (;;) {
      const at = this.#buffer.indexOf(LINE_FEED, searched);
      searched = this.#buffer.length;
      if (at < 0 && (await this.#readMore())) continue;
      if (searched === 0) return undefined;
      this.#line += 1;
      return this.#takeBytes(at < 0 ? searched : at + 1);
    }
  }

  /**
   * Yields the lines before a line `\.`, and consumes that line.
   *
   * @param onEnd - Creates the error that is thrown if the stream ends before that line.
   */
  async *block(onEnd: () => Error): AsyncGenerator<Buffer, void> {
    for (;;) {
      // Complete lines only, so that no `\.` is split between two chunks.
      const complete = this.#buffer.lastIndexOf(LINE_FEED) + 1;
      const end = endOfBlock(this.#buffer.subarray(0, complete));
      const data = this.#takeBytes(end ?? complete);
      if (data.length > 0) {
        this.#line += countLines(data);
        yield data;
      }
      if (end !== undefined) {
        await this.next();
        return;
      }
      if (!(await this.#readMore())) {
        // The file may end with `\.` and no line feed.
        const lastLine = this.#takeBytes(this.#buffer.length);
        if (lastLine.toString("latin1").trimEnd() === "\\.") return;
        throw onEnd();
      }
    }
  }

  async #readMore(): Promise<boolean> {
    if (this.#ended) return false;
    const { done, value } = await this.#chunks.next();
    if (done) this.#ended = true;
    else this.#buffer = this.#buffer.length === 0 ? asBuffer(value) : Buffer.concat([this.#buffer, value]);
    return !done;
  }

  #takeBytes(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }
}

/** Returns the position of the line `\.` among complete lines; undefined if there is none. */
function endOfBlock(lines: Buffer): number | undefined {
  for (let at = lines.indexOf(BACKSLASH_DOT); at >= 0; at = lines.indexOf(BACKSLASH_DOT, at + 1)) {
    const startsLine = at === 0 || lines[at - 1] === LINE_FEED;
    const after = lines[at + 2] === 13 ? lines[at + 3] : lines[at + 2];
    if (startsLine && after === LINE_FEED) return at;
  }
  return undefined;
}

function countLines(lines: Buffer): number {
  let count = 0;
  for (let at = lines.indexOf(LINE_FEED); at >= 0; at = lines.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
