const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A field of a JSON object, with the original text of its value. */
export interface Field {
  /** Name of the field. */
  name: string;
  /** Value as it is written, in JSON. */
  text: string;
}

/**
 * Lists the fields of a JSON object in their order, including repeated names, each with the original text of its value:
 * JSON.parse would keep only the last of two values, and round numbers.
 *
 * @param text - An object that JSON.parse accepts.
 */
export function fieldsOf(text: string): Field[] {
  const fields: Field[] = [];
  let at = text.indexOf("{") + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text[at] === "}") return fields;
    if (text[at] === ",") at = skipSpace(text, at + 1);
    const nameEnd = endOfString(text, at);
    const raw = text.slice(at + 1, nameEnd);
    const start = skipSpace(text, skipSpace(text, nameEnd + 1) + 1);
    at = endOfValue(text, start);
    fields.push({ name: raw.includes("\\") ? JSON.parse(`"${raw}"`) : raw, text: text.slice(start, at) });
  }
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** Returns the index after the value that begins at `start`. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (depth === 0) return at + 1;
    } else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return at; // the object ends after a number, true, false or null
      depth--;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === 0x2c || code <= 0x20)) return at;
  }
}

/** Returns the index of the quote that ends the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
}
