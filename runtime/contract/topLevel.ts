/** Top-level fields that are unambiguous in a truncated or malformed JSON text. */
export interface TopLevel {
  /** Values by requested name: complete strings only. */
  readonly values: Readonly<Record<string, string>>;
  /** Names that are repeated, have an incomplete value or one other than text, or may occur after a syntax error. */
  readonly uncertain: ReadonlySet<string>;
}

/** White space, and values other than strings, objects and lists. */
const SPACE = /[ \t\n\r]*/y;
const LITERAL = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z.+-])/y;

/**
 * Reads fields of the top-level object up to the first syntax error, without recursion. Fields of inner objects, and
 * strings that look like fields, do not count.
 * @param text invalid JSON, or the beginning of JSON
 * @param names names of the fields
 */
export function topLevelOf(text: string, names: readonly string[]): TopLevel {
  const values: Record<string, string> = Object.create(null);
  const uncertain = new Set<string>();
  const tokens = new Tokenizer(text);
  /** Closing brackets of the open objects and lists. */
  const open: string[] = [];
  let expected: "value" | "first name" | "name" | "colon" | "end of value" = "value";
  let name = "";
  for (let token = tokens.next(); token !== undefined; token = tokens.next()) {
    const level = open.at(-1);
    if (expected === "colon") {
      if (token !== ":") break;
      expected = "value";
    } else if (expected === "name" || (expected === "first name" && token !== "}")) {
      if (!token.startsWith('"')) break;
      if (open.length === 1) {
        const decoded = decodeString(token);
        if (decoded === undefined) break;
        name = decoded;
      }
      expected = "colon";
    } else if (
      token === level &&
      (expected === "end of value" || expected === "first name" || tokens.previous === "[")
    ) {
      open.pop();
      expected = "end of value";
      if (open.length === 0) break;
    } else if (expected === "end of value") {
      if (token !== ",") break;
      expected = level === "}" ? "name" : "value";
    } else {
      if (token === ":" || token === "," || token === "}" || token === "]") break;
      if (open.length === 0 && token !== "{") break;
      if (open.length === 1 && names.includes(name)) {
        const value = token.startsWith('"') ? decodeString(token) : undefined;
        if (value === undefined || Object.hasOwn(values, name)) uncertain.add(name);
        else values[name] = value;
      }
      if (token === "{" || token === "[") {
        open.push(token === "{" ? "}" : "]");
        expected = token === "{" ? "first name" : "value";
      } else expected = "end of value";
    }
  }
  // A name whose value is cut off is uncertain.
  if (open.length === 1 && (expected === "value" || expected === "colon") && names.includes(name)) uncertain.add(name);
  // Text after a syntax error may contain a name, even escaped ("request\u0049d"). A string that is cut off is the last
  // token.
  const rest = tokens.isTruncated ? "" : text.slice(tokens.tokenStart);
  for (const key of names) if (rest.includes(key) || rest.includes("\\u00")) uncertain.add(key);
  for (const key of uncertain) delete values[key];
  return { values, uncertain };
}

/** Returns the value of a string token, or undefined if its escapes are not valid JSON. */
function decodeString(token: string): string | undefined {
  try {
    return JSON.parse(token);
  } catch {
    return undefined;
  }
}

/** Splits JSON into tokens, up to the first that is incomplete or invalid. */
class Tokenizer {
  readonly #text: string;
  #offset = 0;
  #token = "";
  /** The token before the current one. */
  previous = "";
  /** Start of the last token, or of the token that could not be read. */
  tokenStart = 0;
  /** True if the token that could not be read is an unterminated string. */
  isTruncated = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns the next token, or undefined if none is complete. */
  next(): string | undefined {
    this.previous = this.#token;
    this.#offset += this.#match(SPACE)?.length ?? 0;
    this.tokenStart = this.#offset;
    const first = this.#text.charAt(this.#offset);
    const token = first === '"' ? this.#string() : "{}[]:,".includes(first) ? first : this.#match(LITERAL);
    if (!token) return undefined;
    this.#offset += token.length;
    this.#token = token;
    return token;
  }

  #string(): string | undefined {
    for (let end = this.#offset + 1; end < this.#text.length; end++) {
      const code = this.#text.charCodeAt(end);
      if (code === QUOTE) return this.#text.slice(this.#offset, end + 1);
      if (code === BACKSLASH) end++;
      else if (code < 0x20) return undefined;
    }
    this.isTruncated = true;
    return undefined;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    return pattern.exec(this.#text)?.[0];
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
