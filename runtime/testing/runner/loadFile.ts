import type pg from "pg";
import { JobError } from "../../contract/errors.ts";
import type { Target } from "../../contract/request.ts";
import { loadBatch } from "../../runner/load/batch.ts";
import type { BadRow } from "../../runner/load/check.ts";
import { gunzip } from "../../runner/load/gunzip.ts";

/** A file, in the chunks in which it arrives, or the items of a request. */
export type TestContent =
  | { format: "csv" | "ndjson"; chunks: readonly Buffer[]; gzip?: boolean }
  | { items: readonly unknown[] };

/** Rows of the target after the load, bad rows of the batch, or the error that refused it as a whole. */
export type TestLoad = { rows: unknown[][] } | { bad: BadRow[] } | { refused: JobError };

/**
 * Loads a batch as a runner does and rolls back.
 * @param writer - Connection of the role job_writer.
 * @param select - Query of the returned rows.
 */
export async function loadFile(
  writer: pg.Client,
  target: Target,
  content: TestContent,
  select: string,
): Promise<TestLoad> {
  await writer.query("begin");
  try {
    const loaded = await loadBatch(writer, {
      target,
      mode: "append",
      content: "items" in content ? content : { format: content.format, bytes: bytesOf(content) },
      reportRows: 100,
      limits: { maxBadRows: 1_000, stagedBytes: 1e9 },
      signal: new AbortController().signal,
      onProgress() {},
      onCopy() {},
    });
    if ("bad" in loaded) return { bad: loaded.bad.first };
    return { rows: (await writer.query({ text: select, rowMode: "array" })).rows };
  } catch (error) {
    if (error instanceof JobError) return { refused: error };
    throw error;
  } finally {
    await writer.query("rollback");
  }
}

function bytesOf({ chunks, gzip }: Exclude<TestContent, { items: unknown }>): AsyncIterable<Buffer> {
  const source = (async function* () {
    yield* chunks;
  })();
  return gzip ? gunzip(source, "s3://uploads/file.gz", 1e9) : source;
}

/** Cuts bytes into chunks of `size`. */
export const splitInto = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
