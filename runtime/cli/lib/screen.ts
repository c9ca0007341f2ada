import { escapeHidden, styled, visible, visibleJson } from "./visible.ts";

/**
 * Results go to stdout, everything else to stderr, so that `rates result ID > file` and `rates list --json | jq` work
 * as expected. These functions escape control characters; only `styled` texts keep their colours.
 */
export const printInfo = (line = ""): void => {
  process.stderr.write(`${visible(line)}\n`);
};
export const print = (text: string): void => {
  const shown = visible(text);
  process.stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`);
};
export const printJson = (value: unknown): void => print(visibleJson(value, 2));

const COLOURS = {
  PENDING: "yellow",
  IN_PROGRESS: "cyan",
  SUCCEEDED: "green",
  FAILED: "red",
  CANCELLED: "magenta",
} as const;

/** Formats a state in its colour. */
export const colourState = (status: string, stream: NodeJS.WriteStream = process.stderr): string =>
  styled(COLOURS[status as keyof typeof COLOURS] ?? "reset", status, stream);
export const dim = (text: string, stream: NodeJS.WriteStream = process.stderr): string => styled("dim", text, stream);

/** Formats untrusted text on one line, with control and invisible characters as escapes. */
export const plain = (text: string): string => escapeHidden(text.replace(/[\t\r\n\f\v ]+/g, " "));

/** Returns the width of a terminal in columns; unlimited for a file or a pipe. */
export const width = (stream: NodeJS.WriteStream): number => stream.columns ?? Number.POSITIVE_INFINITY;

/** 1536 → "1.5 kB", with powers of 1000. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? Math.round(bytes) : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** Milliseconds for people: "820 ms", "4.2 s", "3 min 20 s", "2 h 5 min". */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
