/**
 * Messages of Postgres's extended query protocol for statements without parameters (Postgres documentation, 54.7).
 * Several statements are sent in one write. Each text must be one statement: the server refuses several.
 */

const int32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Parse, of an unnamed statement: P, length, name, text, number of parameter types. */
function parse(text: string): Buffer {
  const length = 4 + 1 + Buffer.byteLength(text) + 1 + 2;
  const message = Buffer.alloc(1 + length);
  message[0] = 0x50;
  message.writeInt32BE(length, 1);
  message.write(text, 6);
  return message;
}

/** Bind of an unnamed portal without parameters, and Execute of it without a maximum of rows. */
const BIND_AND_EXECUTE = Buffer.concat([
  Buffer.from("B"),
  int32(12),
  Buffer.alloc(8),
  Buffer.from("E"),
  int32(9),
  Buffer.alloc(5),
]);
/** Describe, of the unnamed statement. */
const DESCRIBE = Buffer.concat([Buffer.from("D"), int32(6), Buffer.from("S\0")]);
const SYNC = Buffer.concat([Buffer.from("S"), int32(4)]);

/** Statements of one round trip, with one Sync at the end: the first error skips all statements after it. */
export class Statements {
  readonly texts: string[] = [];
  readonly #messages: Buffer[] = [];

  constructor(texts: readonly string[] = []) {
    for (const text of texts) this.execute(text);
  }

  execute(text: string): this {
    this.texts.push(text);
    this.#messages.push(parse(text), BIND_AND_EXECUTE);
    return this;
  }

  /** Adds the messages of other statements. */
  append({ texts, bytes }: ExecutedStatements): this {
    this.texts.push(...texts);
    this.#messages.push(bytes);
    return this;
  }

  /** Returns the columns of a statement, without planning or executing it. */
  describe(text: string): this {
    this.texts.push(text);
    this.#messages.push(parse(text), DESCRIBE);
    return this;
  }

  /** Messages without the Sync. */
  get bytes(): Buffer {
    return Buffer.concat(this.#messages);
  }

  get bytesWithSync(): Buffer {
    return Buffer.concat([...this.#messages, SYNC]);
  }
}

/** Statements whose messages are built once. */
export interface ExecutedStatements {
  texts: readonly string[];
  bytes: Buffer;
}

/** Builds the messages of statements that are sent again and again. */
export function constantStatements(texts: readonly string[]): ExecutedStatements {
  return { texts, bytes: new Statements(texts).bytes };
}
