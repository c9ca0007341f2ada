import { randomInt } from "node:crypto";
import { styleText } from "node:util";

/**
 * Characters that a terminal obeys, or that cannot be seen: C0 (but tab and line feed) and C1 controls, soft hyphen,
 * fillers, zero width characters, marks of direction, line separators, variation selectors, byte order mark, tags, and
 * halves of surrogate pairs.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each is matched by itself
  /[\u034f\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\u{e0000}-\u{e0fff}\p{Cs}]/gu;

const escapeOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
};

/** Text of others with hidden characters as escapes: `\x1b`, `\u202e`. */
export const escapeHidden = (text: string): string => text.replace(HIDDEN, escapeOf);

/**
 * Random numbers that mark the colours which this process writes, so that `visible` can distinguish them from those in
 * foreign text, which cannot contain the numbers.
 */
const MARK = Array.from({ length: 4 }, () => randomInt(1_000, 10_000)).join(";");
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a colour
const CODES = /\x1b\[([0-9;]+)m/g;
const MARKED = new RegExp(`(\\x1b\\[${MARK};[0-9;]+m)`);

type Format = Parameters<typeof styleText>[0];

/**
 * Text in a colour, for `say` and `print`, which show the colour codes of other texts as escapes. NO_COLOR, and a stream
 * that is not a terminal, leave the colour out.
 */
export function styled(format: Format, text: string, stream?: NodeJS.WriteStream): string {
  const [open = "", close = ""] = styleText(format, "|", stream ? { stream } : { validateStream: false })
    .replace(CODES, `\x1b[${MARK};$1m`)
    .split("|");
  return open + text + close;
}

/** Text for a terminal or a file: hidden characters as escapes, `styled` texts in their colours. */
export const visible = (text: string): string =>
  text
    .split(MARKED)
    .map((piece, index) => (index % 2 === 1 ? piece.replace(`${MARK};`, "") : escapeHidden(piece)))
    .join("");

/** JSON in which hidden characters are JSON's own escapes. */
export const visibleJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(HIDDEN, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );

/** A result's bytes for a terminal: text with hidden characters as escapes. A line may end in CR and LF. */
export async function* visibleBytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of chunks) {
    const text = held + decoder.decode(chunk, { stream: true });
    // The next character decides whether a CR is part of a line end.
    held = text.endsWith("\r") ? "\r" : "";
    yield escapeHidden(text.slice(0, text.length - held.length).replaceAll("\r\n", "\n"));
  }
  yield escapeHidden(held + decoder.decode());
}
