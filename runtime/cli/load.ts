import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Client } from "./client.ts";
import { CommandError } from "./exits.ts";
import { bar, bytesText, ProgressLine } from "./screen.ts";

/** Parts that travel at once. */
const PARALLEL = 4;
/** A part is sent again this often before the upload is given up. */
const TRIES = 4;

interface Upload {
  id: string;
  location: string;
  partBytes: number;
  parts: { partNumber: number; url: string }[];
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

/** Sends a file up in parts, straight to the store; answers the s3 source to name. Memory: a part for each in flight. */
export async function upload(client: Client, file: string): Promise<string> {
  const { size } = await stat(file).catch((error: Error) => {
    throw new CommandError("invalid", `${file} cannot be read: ${error.message}`);
  });
  if (size === 0) throw new CommandError("invalid", `${file} is empty.`);
  const begun = await client.json<Upload>("POST", "/uploads", { fileName: basename(file).slice(-200), bytes: size });
  const line = new ProgressLine();
  const start = Date.now();
  let sent = 0;
  const progress = () => {
    const seconds = Math.max(0.001, (Date.now() - start) / 1000);
    line.update(
      `Uploading  ${bar(sent / size, `${bytesText(sent)} of ${bytesText(size)}`, `${bytesText(sent / seconds)}/s`, ((size - sent) / sent) * seconds)}`,
    );
  };
  const handle = await open(file);
  try {
    const etags: { partNumber: number; etag: string }[] = [];
    const waiting = [...begun.parts];
    const worker = async () => {
      for (let part = waiting.shift(); part; part = waiting.shift()) {
        const { partNumber, url } = part;
        const at = (partNumber - 1) * begun.partBytes;
        const { buffer, bytesRead } = await handle.read(
          Buffer.allocUnsafe(Math.min(begun.partBytes, size - at)),
          0,
          null,
          at,
        );
        etags.push({ partNumber, etag: await put(url, buffer.subarray(0, bytesRead)) });
        sent += bytesRead;
        progress();
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, begun.parts.length) }, worker));
    return (await client.json<{ location: string }>("POST", `/uploads/${begun.id}/complete`, { parts: etags }))
      .location;
  } catch (error) {
    // No parts are left behind for somebody to pay for.
    await client.fetch("DELETE", `/uploads/${begun.id}`).catch(() => undefined);
    throw error;
  } finally {
    line.end();
    await handle.close();
  }
}

async function put(url: string, body: Uint8Array<ArrayBuffer>): Promise<string> {
  let reason = "";
  for (let turn = 0; turn < TRIES; turn++) {
    if (turn > 0) await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** turn));
    try {
      const response = await fetch(url, { method: "PUT", body });
      const etag = response.headers.get("etag");
      if (response.ok && etag) return etag;
      reason = `the store answered ${response.status}`;
    } catch (error) {
      reason = ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message;
    }
  }
  throw new CommandError("unreachable", `A part could not be sent: ${reason}. Run the command again.`);
}
