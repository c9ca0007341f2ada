import { Readable, type Transform } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { reasonOf } from "../../contract/reason.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";
import { codeOf, printableName } from "./files.ts";
import { interruptible } from "./interrupt.ts";
import { formatOfName, nameFor, type Output, writeOutput } from "./output.ts";
import { bytesText, printInfo } from "./screen.ts";
import { visibleBytes } from "./visible.ts";

/** Format and compression of a stored result or report. */
export interface StoredFormat {
  format: string;
  compression: string;
}

/** Source and destination of a download. */
export interface DownloadOptions {
  artifact: "result" | "report";
  /** Required if the result goes to a terminal or to a named file. */
  stored: StoredFormat | undefined;
  output: Output;
  /** Argument of --output. */
  argument: string | undefined;
}

/** Returns true if the output is stdout, and stdout is a terminal. */
export const isShown = (output: Output): boolean => output.to === "stdout" && process.stdout.isTTY === true;

/**
 * Checks that a result's format matches the output's name.
 * @throws CommandError if they differ
 */
export function checkOutputName(argument: string | undefined, { format }: StoredFormat, artifact: string): void {
  const namedFormat = argument === undefined ? undefined : formatOfName(argument).format;
  if (argument === undefined || namedFormat === undefined || namedFormat === format) return;
  throw new CommandError(
    "invalid",
    `--output ${printableName(argument)}: the ${artifact} is ${format}. Use a matching name, for example ${printableName(nameFor(argument, format))}${artifact === "result" ? `, or submit the read again with --format ${namedFormat}` : ""}.`,
  );
}

/**
 * Prints a job's result or report, or writes it to --output, compressed if the name ends in .gz.
 * @returns number of bytes fetched; undefined if the reader closed the pipe before everything was written
 */
export async function fetchResult(
  client: Client,
  id: string,
  { artifact, stored, output, argument }: DownloadOptions,
): Promise<number | undefined> {
  const toTerminal = isShown(output);
  let bytes = 0;
  let sourceError: unknown;
  const countBytes = async function* (body: AsyncIterable<Uint8Array>) {
    try {
      for await (const chunk of body) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  const isComplete = await interruptible(
    async (signal) => {
      const { body } = await client.fetch("GET", client.jobPath(id, `/${artifact}`), undefined, signal);
      if (body === null) throw new CommandError("unreachable", "The response has no body.");
      const source = Readable.from(countBytes(body), { objectMode: false });
      try {
        return await writeOutput(
          output,
          argument ?? "-",
          [source, ...transformations(stored, argument, toTerminal)],
          signal,
        );
      } catch (error) {
        if (signal.aborted) throw error;
        const reason = sourceError ?? (codeOf(error).startsWith("Z_") ? error : undefined);
        if (reason === undefined) throw error;
        throw new CommandError("unreachable", `The download stopped after ${bytesText(bytes)}: ${reasonOf(reason)}.`);
      }
    },
    () => {
      const hint = client.hint("result", artifact === "report" ? `${id} --report` : id);
      return `The ${artifact} was not written completely. ${hint} fetches it again.`;
    },
  );
  if (!isComplete) return undefined;
  if (argument !== undefined && output.to !== "stdout") printInfo(`${printableName(argument)}: ${bytesText(bytes)}`);
  return bytes;
}

/** Returns the transformations of a download: (de)compression to match the file name, and escapes for a terminal. */
function transformations(stored: StoredFormat | undefined, argument: string | undefined, toTerminal: boolean) {
  const steps: (Transform | typeof visibleBytes)[] = [];
  const isGzip = stored?.compression === "gzip";
  const isNamed = argument !== undefined && argument !== "-";
  const mustBeGzip = isNamed ? formatOfName(argument).compression === "gzip" : isGzip && !toTerminal;
  if (stored && isGzip !== mustBeGzip) steps.push(isGzip ? createGunzip() : createGzip());
  // Control characters are escaped only for a terminal; files and pipes get the bytes unchanged.
  if (toTerminal) steps.push(visibleBytes);
  return steps;
}
