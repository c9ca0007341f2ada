import { ApiError, requestJson } from "../http.js";

/** Number of parts that are sent concurrently, and maximum number of attempts per part. */
const CONCURRENCY = 2;
const MAX_ATTEMPTS = 5;
/** Delay before the second attempt; it grows by the same amount for each further attempt. */
const RETRY_DELAY_MS = 1_000;
/** Larger files are not hashed, since hashing needs the whole content in memory. */
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
 * Uploads a file in parts through the API, and returns its S3 location. Content that was recently uploaded is not sent
 * again.
 * @type {(file: File, sha256: string | undefined, onProgress: (bytes: number) => void, signal: AbortSignal) =>
 * Promise<string>}
 */
export async function uploadFile(file, sha256, onProgress, signal) {
  const body = { fileName: file.name.slice(-100) || "file", bytes: file.size, ...(sha256 ? { sha256 } : {}) };
  /** @type {{ id?: string, location: string, partBytes: number, partCount: number }} */
  const upload = await requestJson("uploads", { method: "POST", body, signal });
  const { id, location, partBytes, partCount } = upload;
  if (id === undefined) return location;
  /** @type {{ partNumber: number, etag: string }[]} */
  const parts = [];
  let next = 1;
  let sentBytes = 0;
  // A failed part ends the upload: further parts are not sent, and report no progress.
  const failure = new AbortController();
  const ended = AbortSignal.any([signal, failure.signal]);
  const sendParts = async () => {
    for (let number = next++; number <= partCount; number = next++) {
      const part = file.slice((number - 1) * partBytes, number * partBytes);
      parts.push(await sendPart(`uploads/${id}/parts/${number}`, part, ended));
      if (ended.aborted) return;
      sentBytes += part.size;
      onProgress(sentBytes);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, sendParts));
    return (await requestJson(`uploads/${id}/complete`, { method: "POST", body: { parts }, signal })).location;
  } catch (error) {
    failure.abort();
    // Aborts the upload. If the browser is closed before this, the bucket's lifecycle rule removes the parts.
    await fetch(`uploads/${id}`, { method: "DELETE" }).catch(() => {});
    throw error;
  }
}

/** @type {(path: string, part: Blob, signal: AbortSignal) => Promise<{ partNumber: number, etag: string }>} */
async function sendPart(path, part, signal) {
  for (let attempt = 1; ; attempt++)
    try {
      return await requestJson(path, { method: "PUT", body: part, signal });
    } catch (error) {
      const isFinal = error instanceof ApiError && error.status < 500 && error.status !== 429;
      if (isFinal || signal.aborted || attempt === MAX_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS * attempt));
    }
}
