import { randomInt } from "node:crypto";
import { styleText } from "node:util";
import { HIDDEN_IN_TERMINALS, patternOf } from "../../contract/invisible.ts";

const HIDDEN_CHARACTERS = patternOf(HIDDEN_IN_TERMINALS);

const escapeOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
};

/** Escapes hidden characters in untrusted text: `\x1b`, `\u202e`. */
export const escapeHidden = (text: string): string => text.replace(HIDDEN_CHARACTERS, escapeOf);

/**
 * Random numbers that mark the colour codes of this process. Untrusted text cannot contain these numbers, so `visible`
 * can distinguish its colour codes from those of this process.
 */
const STYLE_MARKER = Array.from({ length: 4 }, () => randomInt(1_000, 10_000)).join(";");
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a colour
const CODES = /\x1b\[([0-9;]+)m/g;
const MARKED_STYLE = new RegExp(`(\\x1b\\[${STYLE_MARKER};[0-9;]+m)`);

type Format = Parameters<typeof styleText>[0];

/**
 * Styles text for the functions of screen.ts, which escape colour codes in all other text. With `stream` the text has
 * no colour if NO_COLOR is set or the stream is not a terminal.
 */
export function styled(format: Format, text: string, stream?: NodeJS.WriteStream): string {
  const [open = "", close = ""] = styleText(format, "|", stream ? { stream } : { validateStream: false })
    .replace(CODES, `\x1b[${STYLE_MARKER};$1m`)
    .split("|");
  return open + text + close;
}

/** Formats text for a terminal or a file: hidden characters as escapes, `styled` texts in their colours. */
export const visible = (text: string): string =>
  text
    .split(MARKED_STYLE)
    .map((piece, index) => (index % 2 === 1 ? piece.replace(`${STYLE_MARKER};`, "") : escapeHidden(piece)))
    .join("");

/** Formats JSON with hidden characters as JSON escapes. */
export const visibleJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(HIDDEN_CHARACTERS, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );

/** Converts a result's bytes for a terminal: hidden characters as escapes, CR LF as LF. */
export async function* visibleBytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pendingCr = "";
  for await (const chunk of chunks) {
    const text = pendingCr + decoder.decode(chunk, { stream: true });
    // The next character determines whether a CR is part of a line end.
    pendingCr = text.endsWith("\r") ? "\r" : "";
    yield escapeHidden(text.slice(0, text.length - pendingCr.length).replaceAll("\r\n", "\n"));
  }
  yield escapeHidden(pendingCr + decoder.decode());
}
