import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "./client.ts";
import { CommandError, reasonOf } from "./exits.ts";
import { bytesText, say } from "./screen.ts";
import { visibleBytes } from "./visible.ts";

/** Prints a job's result (or report), or writes it to a file, which appears when it is whole; answers its bytes. */
export async function fetchResult(
  client: Client,
  id: string,
  output: string | undefined,
  what: "result" | "report" = "result",
): Promise<number> {
  const { body } = await client.fetch("GET", client.job(id, `/${what}`));
  if (body === null) throw new CommandError("unreachable", "The answer has no body.");
  const source = Readable.fromWeb(body as never);
  let bytes = 0;
  source.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
  });
  // Which end of the pipe it was that failed.
  let broken: Error | undefined;
  source.on("error", (error) => {
    broken = error;
  });
  const broke = () =>
    new CommandError("unreachable", `The ${what} broke off after ${bytesText(bytes)}: ${reasonOf(broken)}.`);
  if (output === undefined) {
    // Files and pipes get the bytes as they are; a terminal would obey what is in them.
    const shown = process.stdout.isTTY ? Readable.from(visibleBytes(source)) : source;
    await pipeline(shown, process.stdout, { end: false }).catch((error: unknown) =>
      Promise.reject(broken ? broke() : error),
    );
    return bytes;
  }
  const part = `${output}.part`;
  try {
    await pipeline(source, createWriteStream(part));
    await rename(part, output);
  } catch (error) {
    await rm(part, { force: true });
    throw broken ? broke() : new CommandError("broke", `${output} cannot be written: ${reasonOf(error)}`);
  }
  say(`${output}: ${bytesText(bytes)}`);
  return bytes;
}
