import { ask, Refused } from "../http.js";

/** Number of concurrent parts, and of attempts per part. */
const AT_ONCE = 2;
const MAX_ATTEMPTS = 5;
/** Delay before the second attempt; doubled for each further one. Milliseconds. */
const RETRY_DELAY_MS = 1_000;
/** Larger files are not hashed, since hashing needs the whole content in memory. Bytes. */
const MAX_HASHED_BYTES = 256 * 1024 * 1024;

/**
 * Returns the SHA-256 of a file in hex; undefined if it is too large, or the page is not in a secure context.
 * @param {File} file
 */
export async function sha256Of(file) {
  if (file.size > MAX_HASHED_BYTES || !globalThis.crypto?.subtle) return undefined;
  return hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
}

/**
 * Returns the id of a load: the same for the same content and task, as in `rates load`.
 * @type {(sha256: string, task: { format: string, compression: string, target: string, mode: string }) =>
 * Promise<string>}
 */
export async function loadIdOf(sha256, { format, compression, target, mode }) {
  const task = new TextEncoder().encode(JSON.stringify([sha256, format, compression, target, mode]));
  return `load-${target}-${hex(await crypto.subtle.digest("SHA-256", task)).slice(0, 32)}`;
}

/** @param {ArrayBuffer} bytes */
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Uploads a file in parts through the API. Content that is already uploaded is not sent again.
 * @type {(file: File, sha256: string | undefined, progressed: (bytes: number) => void, signal: AbortSignal) =>
 * Promise<string>}
 */
export async function uploadFile(file, sha256, onProgress, signal) {
  const body = { fileName: file.name.slice(-100) || "file", bytes: file.size, ...(sha256 ? { sha256 } : {}) };
  /** @type {{ id?: string, location: string, partBytes: number, partCount: number }} */
  const upload = await ask("uploads", { method: "POST", body, signal });
  const { id, location, partBytes, partCount } = upload;
  if (id === undefined) return location;
  /** @type {{ partNumber: number, etag: string }[]} */
  const parts = [];
  let next = 1;
  let sent = 0;
  // One failed part ends the upload, so the other parts are not sent, and report no progress.
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const work = async () => {
    for (let number = next++; number <= partCount; number = next++) {
      const part = file.slice((number - 1) * partBytes, number * partBytes);
      parts.push(await sendPart(`uploads/${id}/parts/${number}`, part, ended));
      if (ended.aborted) return;
      sent += part.size;
      onProgress(sent);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return (await ask(`uploads/${id}/complete`, { method: "POST", body: { parts }, signal })).location;
  } catch (error) {
    failed.abort();
    // Aborts the upload. If the browser was closed, the bucket's lifecycle rule removes it.
    await fetch(`uploads/${id}`, { method: "DELETE" }).catch(() => {});
    throw error;
  }
}

/** @type {(path: string, part: Blob, signal: AbortSignal) => Promise<{ partNumber: number, etag: string }>} */
async function sendPart(path, part, signal) {
  for (let tries = 1; ; tries++)
    try {
      return await ask(path, { method: "PUT", body: part, signal });
    } catch (error) {
      const isFinal = error instanceof Refused && error.status < 500 && error.status !== 429;
      if (isFinal || signal.aborted || tries === MAX_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS * tries));
    }
}
