import { INPUT } from "./inputLimits.ts";
import { ProblemList, redactName } from "./problemList.ts";
import { isRoundedToInteger } from "./wholeNumber.ts";

/** Parsed value of a JSON text, with the ambiguities that JSON.parse ignores. */
export interface ParsedJson {
  /** Parsed value. */
  value: unknown;
  /** A problem for each repeated name of an object, and for each number that JSON.parse rounds to an integer. */
  problems: ProblemList;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads JSON (RFC 8259), with or without a byte order mark, and reports what JSON.parse ignores: repeated names (it
 * keeps the last value, other parsers may keep another one), and numbers that it rounds to integers.
 *
 * @throws SyntaxError if the text is not JSON
 *
 * @example
 * ```ts
 * import { readJson } from "./json.ts";
 *
 * const { problems } = readJson('{"price": 1, "price": 2}');
 * console.log(problems.length); // 1: the name is repeated
 * ```
 */
export function readJson(text: string): ParsedJson {
  // Some editors and shells write a byte order mark, which JSON.parse refuses.
  const json = text.startsWith("\uFEFF") ? text.slice(1) : text;
  return { value: parse(json), problems: findAmbiguities(json) };
}

/** Parses JSON. Removes the excerpt of the text from JSON.parse's errors: it may be part of a signed URL. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const excerpt = message.search(/, (?:\.\.\.)?"/);
    throw new SyntaxError(excerpt < 0 ? message : `${message.slice(0, excerpt)}: it is not valid JSON`);
  }
}

/** An open object with its names so far, or an open list with the index of its current item. */
type Level = { names: Set<string> | undefined; name: string } | { index: number };

/**
 * Finds repeated names in objects, and numbers that JSON.parse rounds to integers, in valid JSON. It does not recurse,
 * since the caller controls the depth.
 */
function findAmbiguities(text: string): ProblemList {
  const problems = new ProblemList();
  const levels: Level[] = [];
  let expectsName = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        const level = levels.at(-1);
        if (expectsName && level && "names" in level) {
          const raw = text.slice(at + 1, end);
          level.name = raw.includes("\\") ? JSON.parse(`"${raw}"`) : raw;
          level.names ??= new Set();
          // An object with more fields is refused anyway.
          const isFull = level.names.size > INPUT.fields;
          if (!isFull && level.names.has(level.name))
            problems.add(() => ({ field: pathOf(levels), message: "is given more than once. Keep one." }));
          if (!isFull) level.names.add(level.name);
          expectsName = false;
        }
        at = end;
        break;
      }
      case 0x7b: // {
        levels.push({ names: undefined, name: "" });
        expectsName = true;
        break;
      case 0x5b: // [
        levels.push({ index: 0 });
        expectsName = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        levels.pop();
        expectsName = false;
        break;
      case 0x2c: {
        // ,
        const level = levels.at(-1);
        if (level && "index" in level) level.index++;
        else expectsName = true;
        break;
      }
      default:
        if (isNumberStart(text.charCodeAt(at))) {
          const end = endOfNumber(text, at);
          const literal = end - at > 1 ? text.slice(at, end) : "";
          if (isRoundedToInteger(literal))
            problems.add(() => ({
              field: pathOf(levels),
              value: literal,
              message: `would be rounded to ${Number(literal)}. Send a number of at most 15 digits.`,
            }));
          at = end - 1;
        }
    }
  }
  return problems;
}

const isNumberStart = (code: number) => code === 0x2d || (code >= 0x30 && code <= 0x39);

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  for (
    let code = text.charCodeAt(end);
    isNumberStart(code) || code === 0x2b || code === 0x2e || code === 0x45 || code === 0x65; // + . E e
    code = text.charCodeAt(end)
  )
    end++;
  return end;
}

/** Returns the index of the quote that ends the string at `start`: the first after an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

/** Formats a path: `task.source.inline.3.day`. Limited to ten names, since the depth itself is not limited. */
const pathOf = (levels: readonly Level[]): string =>
  levels
    .slice(0, 10)
    .map((level) => ("index" in level ? String(level.index) : redactName(level.name)))
    .join(".");
