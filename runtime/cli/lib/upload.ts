import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../../contract/reason.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";
import { interruptible } from "./interrupt.ts";
import { changedWhileRead, type LoadFile } from "./loadFile.ts";
import { bar, ProgressLine } from "./progress.ts";
import { bytesText, width } from "./screen.ts";

/** Number of parts that are sent concurrently. */
const CONCURRENCY = 4;
/** Maximum attempts per part. */
const MAX_ATTEMPTS = 4;
/** Delay before the second attempt in milliseconds, doubled for each further one. */
const RETRY_DELAY_MS = 500;

interface Upload {
  id: string;
  location: string;
  partBytes: number;
  partCount: number;
  /** Links for the first parts; further links are requested when needed. */
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
 * Uploads a file in parts directly to S3, unless its content is already there. Memory holds one part per
 * concurrent request. The parts of a failed or interrupted upload are removed.
 * @returns the s3 location for the task's source
 * @throws CommandError if the file changes while it is read, or a part cannot be sent
 */
export async function upload(client: Client, file: LoadFile): Promise<string> {
  const { bytes, sha256 } = file;
  const fileName = [...file.name].slice(-MAX_NAME_LENGTH).join("");
  const upload = await client.json<Upload | StoredUpload>("POST", "/uploads", { fileName, bytes, sha256 });
  if (!("id" in upload)) return upload.location;
  const fetchLinks = async (from: number) =>
    (await client.json<{ parts: Link[] }>("POST", `/uploads/${upload.id}/parts?from=${from}`)).parts;
  try {
    const parts = await interruptible(
      (signal) => sendParts(file, upload, fetchLinks, signal),
      () => "The upload was cancelled. Nothing was submitted.",
    );
    return (await client.json<StoredUpload>("POST", `/uploads/${upload.id}/complete`, { parts })).location;
  } catch (error) {
    await client.fetch("DELETE", `/uploads/${upload.id}`).catch(() => undefined);
    throw error;
  }
}

/** Maximum length of the sent file name, in characters. */
const MAX_NAME_LENGTH = 100;

type SentPart = { partNumber: number; etag: string };

async function sendParts(
  { handle, name, bytes: size, sha256, assertUnchanged }: LoadFile,
  { parts, partBytes, partCount }: Upload,
  fetchLinks: (from: number) => Promise<Link[]>,
  interrupted: AbortSignal,
): Promise<SentPart[]> {
  const line = new ProgressLine();
  const start = Date.now();
  const sent: SentPart[] = [];
  let bytes = 0;
  const showProgress = () => {
    const seconds = Math.max(0.001, (Date.now() - start) / 1000);
    const secondsLeft = bytes === 0 ? undefined : ((size - bytes) / bytes) * seconds;
    const done = `${bytesText(bytes)} of ${bytesText(size)}`;
    const head = "Uploading  ";
    const barWidth = width(process.stderr) - head.length - 1;
    const progressBar = bar(bytes / size, done, `${bytesText(bytes / seconds)}/s`, secondsLeft, barWidth);
    line.update(head + progressBar, bytes === size ? "sent" : "");
  };
  // The first failed part aborts the others.
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, interrupted]);
  const links = new Map(parts.map(({ partNumber, url }) => [partNumber, url]));
  let linksRequest: Promise<void> | undefined;
  const linkOf = async (partNumber: number): Promise<string> => {
    for (;;) {
      const url = links.get(partNumber);
      if (url !== undefined) {
        links.delete(partNumber);
        return url;
      }
      linksRequest ??= fetchLinks(partNumber)
        .then((fetched) => {
          for (const link of fetched) links.set(link.partNumber, link.url);
        })
        .finally(() => {
          linksRequest = undefined;
        });
      await linksRequest;
    }
  };
  const hash = createHash("sha256");
  let next = 1;
  // Parts are read in order, so that the hash of the content can be compared with the earlier hash.
  let reading: Promise<unknown> = Promise.resolve();
  const readNext = (): Promise<{ partNumber: number; buffer: Buffer<ArrayBuffer> } | undefined> => {
    const read = reading.then(async () => {
      if (next > partCount || signal.aborted) return undefined;
      const partNumber = next++;
      const offset = (partNumber - 1) * partBytes;
      const buffer = Buffer.allocUnsafe(Math.min(partBytes, size - offset));
      for (let filled = 0; filled < buffer.length; ) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, offset + filled);
        if (bytesRead === 0) {
          await assertUnchanged();
          throw changedWhileRead(name, "changed");
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
      showProgress();
    }
  };
  try {
    showProgress();
    const workers = Array.from({ length: Math.min(CONCURRENCY, partCount) }, () =>
      worker().catch((error: unknown) => {
        if (!signal.aborted) failed.abort(error);
      }),
    );
    await Promise.all(workers);
    signal.throwIfAborted();
    await assertUnchanged();
    if (hash.digest("hex") !== sha256) throw changedWhileRead(name, "changed");
    return sent;
  } finally {
    line.end();
  }
}

/**
 * Sends one part, with retries.
 * @returns its ETag
 */
async function putPart(url: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<string> {
  let reason = "";
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (attempt > 0) await pause(RETRY_DELAY_MS * 2 ** (attempt - 1), undefined, { signal });
    try {
      const response = await fetch(url, { method: "PUT", body, signal });
      const etag = response.headers.get("etag");
      const text = await response.text();
      if (response.ok && etag) return etag;
      reason = `the store returned ${response.status}${text ? `: ${text.slice(0, 200)}` : ""}`;
      if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) break;
    } catch (error) {
      if (signal.aborted) throw error;
      reason = reasonOf(error);
    }
  }
  throw new CommandError("unreachable", `A part could not be sent: ${reason}. Run the command again.`);
}
