import type { IncomingHttpHeaders } from "node:http";
import { AwsError } from "./errors.ts";

/** S3's "General purpose bucket naming rules". */
const BUCKET = /^(?!.*(?:\.\.|\.-|-\.))[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const MAX_KEY_BYTES = 1024;
const MAX_PARTS = 10_000;

/** Returns true for a valid bucket name. */
export const isBucketName = (name: string): boolean => BUCKET.test(name);

/**
 * Checks the bucket, key, copy source, upload id and part number of an S3 request.
 * @throws AwsError if one is invalid
 */
export function checkS3Request(url: string, headers: IncomingHttpHeaders): void {
  const at = url.indexOf("?");
  checkPath(decodePath(at === -1 ? url : url.slice(0, at)));
  for (const name of ["x-amz-copy-source", "x-amz-rename-source"]) {
    // Checked as a whole, including any `?versionId=…`: the emulator takes all of it as the path.
    const source = headers[name];
    if (typeof source === "string") checkPath(decodePath(source).replace(/^\/?/, "/"));
  }
  const query = new URLSearchParams(at === -1 ? "" : url.slice(at));
  const uploadId = query.get("uploadId");
  if (uploadId !== null && !/^[\w-]{1,128}$/.test(uploadId))
    throw new AwsError("NoSuchUpload", "There is no upload with this uploadId.", 404);
  const part = query.get("partNumber");
  if (part !== null && !(/^\d{1,5}$/.test(part) && Number(part) >= 1 && Number(part) <= MAX_PARTS))
    throw new AwsError("InvalidArgument", `partNumber must be a whole number from 1 to ${MAX_PARTS}.`, 400);
}

/**
 * Checks bucket and key of a path.
 * @param path `/bucket/key`, decoded
 */
function checkPath(path: string): void {
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  if (bucket === "" && key === "") return; // lists all buckets
  if (!isBucketName(bucket)) throw new AwsError("InvalidBucketName", "The specified bucket is not valid.", 400);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw new AwsError("KeyTooLongError", `A key may have at most ${MAX_KEY_BYTES} bytes.`, 400);
  if (key.includes("\0") || key.split(/[/\\]/).some((segment) => segment === "." || segment === ".."))
    throw new AwsError("InvalidURI", "A key may not have '.' or '..' between slashes, nor a NUL character.", 400);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new AwsError("InvalidURI", "Couldn't parse the specified URI.", 400);
  }
}
