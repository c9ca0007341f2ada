import { Readable, type Transform } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { reasonOf } from "../../contract/reason.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";
import { codeOf, printableName } from "./files.ts";
import { interruptible } from "./interrupt.ts";
import { namedKind, nameFor, type Output, writeOutput } from "./output.ts";
import { bytesText, printInfo } from "./screen.ts";
import { visibleBytes } from "./visible.ts";

/** Format and compression of a stored result or report. */
export interface StoredKind {
  format: string;
  compression: string;
}

/** Source and destination of a download. */
export interface DownloadOptions {
  what: "result" | "report";
  /** Required if the result goes to a terminal or to a named file. */
  stored: StoredKind | undefined;
  output: Output;
  /** Argument of --output. */
  argument: string | undefined;
}

/** True if the output is a terminal. */
export const isShown = (output: Output): boolean => output.to === "stdout" && process.stdout.isTTY === true;

/**
 * Checks that a result's format matches the output's name.
 * @throws CommandError if it differs
 */
export function checkName(argument: string | undefined, { format }: StoredKind, what: string): void {
  const named = argument === undefined ? undefined : namedKind(argument).format;
  if (argument === undefined || named === undefined || named === format) return;
  throw new CommandError(
    "invalid",
    `--output ${printableName(argument)}: the ${what} is ${format}. Use a matching name, for example ${printableName(nameFor(argument, format))}${what === "result" ? `, or submit the read again with --format ${named}` : ""}.`,
  );
}

/**
 * Prints a job's result or report, or writes it to --output, compressed if the name ends in .gz.
 * @returns number of bytes fetched
 */
export async function fetchResult(
  client: Client,
  id: string,
  { what, stored, output, argument }: DownloadOptions,
): Promise<number> {
  const toTerminal = isShown(output);
  let bytes = 0;
  let broken: unknown;
  const countBytes = async function* (body: AsyncIterable<Uint8Array>) {
    try {
      for await (const chunk of body) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      broken = error;
      throw error;
    }
  };
  await interruptible(
    async (signal) => {
      const { body } = await client.fetch("GET", client.job(id, `/${what}`), undefined, signal);
      if (body === null) throw new CommandError("unreachable", "The answer has no body.");
      const source = Readable.from(countBytes(body), { objectMode: false });
      try {
        await writeOutput(output, argument ?? "-", [source, ...transformations(stored, argument, toTerminal)], signal);
      } catch (error) {
        if (signal.aborted) throw error;
        const reason = broken ?? (codeOf(error).startsWith("Z_") ? error : undefined);
        if (reason === undefined) throw error;
        throw new CommandError("unreachable", `The download stopped after ${bytesText(bytes)}: ${reasonOf(reason)}.`);
      }
    },
    () => `The ${what} was not written completely. ${client.hint("result", id)} fetches it again.`,
  );
  if (argument !== undefined && output.to !== "stdout") printInfo(`${printableName(argument)}: ${bytesText(bytes)}`);
  return bytes;
}

/** Transformations of the bytes: compressed or decompressed by the file's name, and escaped for a terminal. */
function transformations(stored: StoredKind | undefined, argument: string | undefined, toTerminal: boolean) {
  const steps: (Transform | typeof visibleBytes)[] = [];
  const packed = stored?.compression === "gzip";
  const isNamed = argument !== undefined && argument !== "-";
  const toPacked = isNamed ? namedKind(argument).compression === "gzip" : packed && !toTerminal;
  if (stored && packed !== toPacked) steps.push(packed ? createGunzip() : createGzip());
  // Files and pipes get the bytes unchanged; for a terminal control characters are escaped.
  if (toTerminal) steps.push(visibleBytes);
  return steps;
}
