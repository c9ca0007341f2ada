import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../../contract/reason.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";
import { interruptible } from "./interrupt.ts";
import type { LoadFile } from "./loadFile.ts";
import { bar, ProgressLine } from "./progress.ts";
import { bytesText, width } from "./screen.ts";

/** Number of concurrent parts. */
const CONCURRENCY = 4;
/** Maximum attempts per part. */
const MAX_ATTEMPTS = 4;
/** Delay before the second attempt, doubled for each further one. Milliseconds. */
const RETRY_DELAY_MS = 500;

interface Upload {
  id: string;
  location: string;
  partBytes: number;
  partCount: number;
  /** Links for the first parts; further ones are requested when needed. */
  parts: Link[];
}
/** Response if the content is already stored. */
interface StoredUpload {
  location: string;
}
interface Link {
  partNumber: number;
  url: string;
}

/**
 * Uploads a file in parts directly to the store, unless its content is already there. Memory holds one part per
 * concurrent request. The parts of a failed or interrupted upload are removed.
 * @returns the s3 location for the task's source
 * @throws CommandError when the file changes while it is sent
 */
export async function upload(client: Client, file: LoadFile): Promise<string> {
  const { bytes, sha256 } = file;
  const fileName = [...file.name].slice(-MAX_NAME).join("");
  const upload = await client.json<Upload | StoredUpload>("POST", "/uploads", { fileName, bytes, sha256 });
  if (!("id" in upload)) return upload.location;
  const moreLinks = async (from: number) =>
    (await client.json<{ parts: Link[] }>("POST", `/uploads/${upload.id}/parts?from=${from}`)).parts;
  try {
    const parts = await interruptible(
      (signal) => sendParts(file, upload, moreLinks, signal),
      () => "The upload was cancelled and removed. Nothing was submitted.",
    );
    return (await client.json<StoredUpload>("POST", `/uploads/${upload.id}/complete`, { parts })).location;
  } catch (error) {
    await client.fetch("DELETE", `/uploads/${upload.id}`).catch(() => undefined);
    throw error;
  }
}

/** Maximum length of the sent file name. Characters. */
const MAX_NAME = 100;

type SentPart = { partNumber: number; etag: string };

async function sendParts(
  { handle, name, bytes: size, sha256, assertUnchanged }: LoadFile,
  { parts, partBytes, partCount }: Upload,
  moreLinks: (from: number) => Promise<Link[]>,
  interrupted: AbortSignal,
): Promise<SentPart[]> {
  const line = new ProgressLine();
  const start = Date.now();
  const sent: SentPart[] = [];
  let bytes = 0;
  const progress = () => {
    const seconds = Math.max(0.001, (Date.now() - start) / 1000);
    const left = bytes === 0 ? undefined : ((size - bytes) / bytes) * seconds;
    const done = `${bytesText(bytes)} of ${bytesText(size)}`;
    const head = "Uploading  ";
    const barWidth = width(process.stderr) - head.length - 1;
    const drawn = bar(bytes / size, done, `${bytesText(bytes / seconds)}/s`, left, barWidth);
    line.update(head + drawn, bytes === size ? "sent" : "");
  };
  // The first failed part aborts the others.
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
  const hash = createHash("sha256");
  let next = 1;
  // Parts are read in order, so that their hash can be compared with the earlier one.
  let reading: Promise<unknown> = Promise.resolve();
  const readNext = (): Promise<{ partNumber: number; buffer: Buffer<ArrayBuffer> } | undefined> => {
    const read = reading.then(async () => {
      if (next > partCount || signal.aborted) return undefined;
      const partNumber = next++;
      const at = (partNumber - 1) * partBytes;
      const buffer = Buffer.allocUnsafe(Math.min(partBytes, size - at));
      for (let filled = 0; filled < buffer.length; ) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, at + filled);
        if (bytesRead === 0) {
          await assertUnchanged();
          throw changedDuringUpload(name);
        }
        filled += bytesRead;
      }
      hash.update(buffer);
      return { partNumber, buffer };
    });
    reading = read.catch(() => undefined);
    return read;
  };
  const worker = async () => {
    for (;;) {
      const part = await readNext();
      if (part === undefined) return;
      const { partNumber, buffer } = part;
      const url = await linkOf(partNumber);
      sent.push({ partNumber, etag: await putPart(url, buffer, signal) });
      bytes += buffer.length;
      progress();
    }
  };
  try {
    progress();
    const workers = Array.from({ length: Math.min(CONCURRENCY, partCount) }, () =>
      worker().catch((error: unknown) => {
        if (!signal.aborted) failed.abort(error);
      }),
    );
    await Promise.all(workers);
    signal.throwIfAborted();
    await assertUnchanged();
    if (hash.digest("hex") !== sha256) throw changedDuringUpload(name);
    return sent;
  } finally {
    line.end();
  }
}

const changedDuringUpload = (name: string) =>
  new CommandError("invalid", `${name} changed while it was sent. Nothing was submitted; load it when it is complete.`);

/**
 * Sends one part, with retries.
 * @returns its ETag
 */
async function putPart(url: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<string> {
  let reason = "";
  for (let turn = 0; turn < MAX_ATTEMPTS; turn++) {
    if (turn > 0) await pause(RETRY_DELAY_MS * 2 ** (turn - 1), undefined, { signal });
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
