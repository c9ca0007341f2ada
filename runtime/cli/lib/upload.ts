import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "./client.ts";
import { CommandError, reasonOf } from "./exits.ts";
import { interruptible } from "./interrupt.ts";
import { bar, ProgressLine } from "./progress.ts";
import { bytesText, width } from "./screen.ts";

/** Parts that travel at once. */
const PARALLEL = 4;
/** A part is sent again this often before the upload is given up. */
const TRIES = 4;
/** Before the second try; each further one waits twice as long. Milliseconds. */
const AGAIN_MS = 500;

interface Upload {
  id: string;
  location: string;
  partBytes: number;
  partCount: number;
  /** Links for the first parts; the others are asked for when their turn comes. */
  parts: Link[];
}
interface Link {
  partNumber: number;
  url: string;
}

/** The format and compression that a file's name tells: prices.csv, prices.ndjson.gz. */
export function kindOf(file: string): { format: "csv" | "ndjson"; compression: "none" | "gzip" } {
  const match = /\.(csv|ndjson|jsonl)(\.gz)?$/i.exec(file);
  if (!match)
    throw new CommandError(
      "invalid",
      `What '${basename(file)}' holds cannot be told from its name: it has to end in .csv, .ndjson, .csv.gz or .ndjson.gz.`,
    );
  return { format: match[1]?.toLowerCase() === "csv" ? "csv" : "ndjson", compression: match[2] ? "gzip" : "none" };
}

/**
 * Sends a file up in parts, straight to the store; answers the s3 source to name, and the file's size. Memory: a part
 * for each in flight. What fails or is interrupted leaves nothing behind for somebody to pay for.
 */
export async function upload(client: Client, file: string): Promise<{ location: string; bytes: number }> {
  const unreadable = (error: unknown) => new CommandError("invalid", `${file} cannot be read: ${reasonOf(error)}`);
  const handle = await open(file).catch((error: unknown) => Promise.reject(unreadable(error)));
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw unreadable(new Error("it is no file."));
    if (found.size === 0) throw new CommandError("invalid", `${file} is empty.`);
    const bytes = found.size;
    const begun = await client.json<Upload>("POST", "/uploads", { fileName: basename(file).slice(-200), bytes });
    const moreLinks = async (from: number) =>
      (await client.json<{ parts: Link[] }>("POST", `/uploads/${begun.id}/parts?from=${from}`)).parts;
    try {
      const parts = await interruptible(
        (signal) => sendParts(handle, file, bytes, begun, moreLinks, signal),
        () => "The upload was left, and removed. Nothing was submitted.",
      );
      const done = await client.json<{ location: string }>("POST", `/uploads/${begun.id}/complete`, { parts });
      return { location: done.location, bytes };
    } catch (error) {
      await client.fetch("DELETE", `/uploads/${begun.id}`).catch(() => undefined);
      throw error;
    }
  } finally {
    await handle.close();
  }
}

type Sent = { partNumber: number; etag: string };

async function sendParts(
  handle: FileHandle,
  file: string,
  size: number,
  { parts, partBytes, partCount }: Upload,
  moreLinks: (from: number) => Promise<Link[]>,
  interrupted: AbortSignal,
): Promise<Sent[]> {
  const line = new ProgressLine();
  const start = Date.now();
  const sent: Sent[] = [];
  let bytes = 0;
  const progress = () => {
    const seconds = Math.max(0.001, (Date.now() - start) / 1000);
    const left = bytes === 0 ? undefined : ((size - bytes) / bytes) * seconds;
    const done = `${bytesText(bytes)} of ${bytesText(size)}`;
    const head = "Uploading  ";
    const room = width(process.stderr) - head.length - 1;
    const drawn = bar(bytes / size, done, `${bytesText(bytes / seconds)}/s`, left, room);
    line.update(head + drawn, bytes === size ? "sent" : "");
  };
  // The first part that fails ends the others too.
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, interrupted]);
  const links = new Map(parts.map(({ partNumber, url }) => [partNumber, url]));
  let asked: Promise<void> | undefined;
  const linkOf = async (partNumber: number): Promise<string> => {
    for (;;) {
      const url = links.get(partNumber);
      if (url !== undefined) {
        links.delete(partNumber);
        return url;
      }
      asked ??= moreLinks(partNumber)
        .then((more) => {
          for (const link of more) links.set(link.partNumber, link.url);
        })
        .finally(() => {
          asked = undefined;
        });
      await asked;
    }
  };
  let next = 1;
  const worker = async () => {
    while (next <= partCount && !signal.aborted) {
      const partNumber = next++;
      const url = await linkOf(partNumber);
      const at = (partNumber - 1) * partBytes;
      const length = Math.min(partBytes, size - at);
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
      if (bytesRead < length) throw new CommandError("invalid", `${file} became shorter while it was sent.`);
      sent.push({ partNumber, etag: await put(url, buffer, signal) });
      bytes += bytesRead;
      progress();
    }
  };
  try {
    progress();
    const workers = Array.from({ length: Math.min(PARALLEL, partCount) }, () =>
      worker().catch((error: unknown) => {
        if (!signal.aborted) failed.abort(error);
      }),
    );
    await Promise.all(workers);
    signal.throwIfAborted();
    return sent;
  } finally {
    line.end();
  }
}

/** Sends one part, again where that may help; answers its ETag. */
async function put(url: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<string> {
  let reason = "";
  for (let turn = 0; turn < TRIES; turn++) {
    if (turn > 0) await pause(AGAIN_MS * 2 ** (turn - 1), undefined, { signal });
    try {
      const response = await fetch(url, { method: "PUT", body, signal });
      const etag = response.headers.get("etag");
      const text = await response.text();
      if (response.ok && etag) return etag;
      reason = `the store answered ${response.status}${text ? `: ${text.slice(0, 200)}` : ""}`;
      if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) break;
    } catch (error) {
      if (signal.aborted) throw error;
      reason = reasonOf(error);
    }
  }
  throw new CommandError("unreachable", `A part could not be sent: ${reason}. Run the command again.`);
}
