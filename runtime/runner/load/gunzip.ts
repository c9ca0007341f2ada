import { createGunzip } from "node:zlib";
import { JobError } from "../../contract/errors.ts";
import { kindOf } from "./fileKinds.ts";

/**
 * Unpacks a gzip stream up to a limit, since a small archive may unpack to a huge file. All members are read, as by
 * `gzip`. Only zero bytes may follow the last member (tar and tapes pad with them); other data is refused, although
 * zlib itself would ignore it after a zero byte.
 * @throws JobError InvalidCompression, SourceTooLarge; the source's own errors
 */
export async function* gunzip(packed: AsyncIterable<Buffer>, source: string, maxBytes: number): AsyncGenerator<Buffer> {
  const unpacker = createGunzip({ chunkSize: 64 * 1024 });
  const feeding = passChunks(packed, unpacker);
  // The source's error becomes the error of the unpacked stream.
  feeding.catch((error) => unpacker.destroy(error));
  let bytes = 0;
  try {
    for await (const chunk of unpacker as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new JobError("SourceTooLarge", { source, limit: maxBytes });
      yield chunk;
    }
    await feeding;
  } catch (error) {
    if (!(error as { code?: string }).code?.startsWith("Z_")) throw error;
    const { message } = error as Error;
    throw new JobError("InvalidCompression", { reason: CAUSES[message] ?? message }, { cause: error });
  } finally {
    unpacker.destroy();
  }
}

/** Causes of zlib's messages. A file that does not begin with a gzip header is refused before zlib reads it. */
const CAUSES: Readonly<Record<string, string>> = {
  "unexpected end of file": "unexpected end of file: it is empty or cut off",
  "incorrect header check": "it has data after its end that is not gzip",
  "incorrect data check": "its checksum is wrong: it was damaged",
  "incorrect length check": "its length is wrong: it was damaged",
};

/** Passes one chunk at a time to zlib, so that unread bytes of a chunk are known to follow the last member. */
async function passChunks(packed: AsyncIterable<Buffer>, unpacker: ReturnType<typeof createGunzip>): Promise<void> {
  let fedBytes = 0;
  let start = Buffer.alloc(0);
  let isEnded = false;
  let isClosed = false;
  // Resolves when the reader has stopped or zlib has found an error. In both cases zlib never accepts the current
  // chunk.
  const closing = new Promise<void>((resolve) => {
    unpacker.once("close", () => {
      isClosed = true;
      resolve();
    });
  });
  for await (const chunk of packed) {
    let rest = chunk;
    if (!isEnded) {
      if (fedBytes < GZIP_START.length) {
        start = Buffer.concat([start, chunk]);
        rejectOtherKinds(start);
      }
      fedBytes += chunk.length;
      await Promise.race([new Promise<void>((resolve) => unpacker.write(chunk, () => resolve())), closing]);
      if (isClosed) return;
      rest = chunk.subarray(chunk.length - (fedBytes - unpacker.bytesWritten));
      isEnded = rest.length > 0;
    }
    if (isEnded && rest.some((byte) => byte !== 0))
      throw new JobError("InvalidCompression", { reason: "it has data after a zero byte that follows a member's end" });
  }
  if (!isEnded) unpacker.end();
}

/** First bytes of a gzip file. */
const GZIP_START = Buffer.from([0x1f, 0x8b]);

/**
 * @param start - The bytes so far, which may be fewer than those that identify a gzip file.
 * @throws JobError InvalidCompression with the kind of the file, if it is not gzip
 */
function rejectOtherKinds(start: Buffer): void {
  const known = start.subarray(0, GZIP_START.length);
  if (known.equals(GZIP_START.subarray(0, known.length))) return;
  const kind = kindOf(start);
  throw new JobError("InvalidCompression", {
    reason: kind ? `it is ${kind.name}. ${kind.remedy.slice(0, -1)}` : "it is not compressed, or not by gzip",
  });
}
