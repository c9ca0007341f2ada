import type { Parameter } from "../store/jobs.ts";

/**
 * Builds messages of Postgres's extended query protocol (Postgres documentation, Message Formats), several per write: for
 * statements without parameters, and for prepared statements. Each text must be one statement, since the server refuses
 * several in one Parse.
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

/** Bind of an unnamed portal without parameters, and its Execute without a maximum of rows. */
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

/** Statements of one round trip, with one Sync at the end. The first error skips all statements after it. */
export class Statements {
  readonly texts: string[] = [];
  readonly #messages: Buffer[] = [];

  constructor(texts: readonly string[] = []) {
    for (const text of texts) this.execute(text);
  }

  /** Adds a statement to execute. */
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

  /** Adds a request for the columns of a statement, without planning or executing it. */
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

/** Builds Close, Parse and Describe of a named statement. Close succeeds even if there is no statement of this name. */
export function prepare(name: string, text: string): Buffer {
  const target = `S${name}\0`;
  return Buffer.concat([message("C", target), message("P", `${name}\0${text}\0\0\0`), message("D", target)]);
}

/** Builds a message of text: type, length, text. */
function message(type: string, text: string): Buffer {
  const bytes = Buffer.from(`${type}\0\0\0\0${text}`);
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
}

/** Builds Bind of a named statement to the unnamed portal, with values as text, then Execute and Sync. */
export function bindAndExecute(name: string, values: readonly Parameter[]): Buffer {
  const texts = values.map((value) =>
    typeof value === "object" && value !== null ? arrayText(value) : value === null ? null : String(value),
  );
  let size = HEAD_BYTES + 1 + Buffer.byteLength(name) + 1 + 2 + 2 + 2;
  const sizes = texts.map((text) => {
    const bytes = text === null ? NULL : Buffer.byteLength(text);
    size += 4 + Math.max(0, bytes);
    return bytes;
  });
  const bytes = Buffer.allocUnsafe(size + EXECUTE_AND_SYNC.length);
  let at = bytes.write("B");
  at = bytes.writeInt32BE(size - 1, at);
  at = bytes.writeInt8(0, at); // the unnamed portal
  at += bytes.write(name, at);
  at = bytes.writeInt8(0, at);
  at = bytes.writeInt16BE(0, at); // parameters are text
  at = bytes.writeInt16BE(texts.length, at);
  for (const [index, text] of texts.entries()) {
    at = bytes.writeInt32BE(sizes[index] ?? NULL, at);
    if (text !== null) at += bytes.write(text, at);
  }
  at = bytes.writeInt16BE(0, at); // results are text
  EXECUTE_AND_SYNC.copy(bytes, at);
  return bytes;
}
/** Bytes of a message's type and length. */
const HEAD_BYTES = 5;
/** Length that stands for NULL. */
const NULL = -1;
const EXECUTE_AND_SYNC = Buffer.concat([Buffer.from("E"), int32(9), Buffer.alloc(5), SYNC]);

/** Returns an array literal (Postgres documentation, Array Value Input) with each element in quotes. */
const arrayText = (values: readonly (string | number)[]): string =>
  `{${values.map((value) => `"${String(value).replace(/["\\]/g, "\\$&")}"`).join(",")}}`;

/** Statements whose messages are built once. */
export interface ExecutedStatements {
  texts: readonly string[];
  bytes: Buffer;
}

/** Builds the messages of statements that are sent repeatedly. */
export function constantStatements(texts: readonly string[]): ExecutedStatements {
  return { texts, bytes: new Statements(texts).bytes };
}
