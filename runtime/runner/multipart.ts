import type { CompletedPart, S3Client } from "@aws-sdk/client-s3";
import { JobError } from "../contract/errors.ts";
import type { LazyS3 } from "../platform/aws.ts";

/**
 * Size of a part: S3's minimum (S3 User Guide, multipart upload limits). At most 10,000 parts allow results up to 48
 * GiB.
 */
const PART_BYTES = 5 * 1024 * 1024;

/** The object to create. */
export interface UploadTarget {
  Bucket: string;
  Key: string;
  ContentType: string;
}

/** An upload that S3 has created. */
interface CreatedUpload {
  s3: S3Client;
  sdk: typeof import("@aws-sdk/client-s3");
  id: string;
}

/**
 * A multipart upload with two reused buffers. One has the part that is being uploaded. The other collects the following
 * bytes, which are copied to the first buffer once the part is uploaded. A result of any size takes the memory of one
 * part and of the bytes that arrive during its upload. (The SDK's own Upload takes new memory for every part; a run
 * that exported 10,000,000 rows grew by 60 MB with it.)
 *
 * The constructor creates the upload in the background. If that fails, a later call of `write` or `finish` throws.
 */
export class MultipartUpload {
  readonly #target: UploadTarget;
  readonly #created: Promise<CreatedUpload>;
  #partCount = 0;
  readonly #completedParts: CompletedPart[] = [];
  // The operating system allocates only the pages that are written.
  readonly #part: Buffer = Buffer.allocUnsafeSlow(PART_BYTES);
  readonly #ahead: Buffer = Buffer.allocUnsafeSlow(PART_BYTES);
  /** Number of buffered bytes: in `#ahead` while a part is being uploaded, otherwise in `#part`. */
  #bufferedBytes = 0;
  #isUploading = false;
  /** The call before the next part: the creation of the upload, then the upload of each full part. */
  #previous: Promise<unknown>;
  /** Error of the first failed call, after which nothing is uploaded. */
  #failure: unknown;

  constructor(s3: LazyS3, target: UploadTarget) {
    this.#target = target;
    this.#created = create(s3, target);
    this.#previous = this.#created;
    this.#recordFailure();
  }

  /**
   * Adds a chunk; waits while both buffers are full. The chunk's memory may be reused when this resolves.
   *
   * @throws JobError StorageUnavailable
   */
  async write(chunk: Buffer): Promise<void> {
    this.#throwIfFailed();
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(this.#isUploading ? this.#ahead : this.#part, this.#bufferedBytes, at);
      this.#bufferedBytes += copied;
      at += copied;
      if (this.#bufferedBytes === PART_BYTES) await this.#uploadFullPart();
    }
  }

  /**
   * Uploads the last part, at the same time as the part before it, and completes the object.
   *
   * @throws JobError StorageUnavailable
   */
  async finish(): Promise<void> {
    this.#throwIfFailed();
    const rest = (this.#isUploading ? this.#ahead : this.#part).subarray(0, this.#bufferedBytes);
    this.#bufferedBytes = 0;
    // Waits for both, so that no part arrives after an abort.
    const uploads = await Promise.allSettled([this.#previous, rest.length > 0 ? this.#uploadPart(rest) : undefined]);
    for (const upload of uploads) if (upload.status === "rejected") throw upload.reason;
    const { s3, sdk, id } = await this.#created;
    const { Bucket, Key } = this.#target;
    const MultipartUpload = { Parts: this.#completedParts };
    await s3
      .send(new sdk.CompleteMultipartUploadCommand({ Bucket, Key, UploadId: id, MultipartUpload }))
      .catch((error) => {
        if (!wasCompleted(error)) throwUnavailable(error);
      });
  }

  /** Aborts the upload, which removes its parts. If that fails, the bucket's lifecycle rule removes them. */
  async abort(): Promise<void> {
    await this.#previous.catch(() => undefined);
    try {
      const { s3, sdk, id } = await this.#created;
      const { Bucket, Key } = this.#target;
      await s3.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId: id }));
    } catch {
      // The job's own error is reported.
    }
  }

  async #uploadFullPart(): Promise<void> {
    await this.#previous;
    this.#bufferedBytes = 0;
    this.#isUploading = true;
    this.#previous = this.#uploadPart(this.#part).then(() => {
      this.#ahead.copy(this.#part, 0, 0, this.#bufferedBytes);
      this.#isUploading = false;
    });
    this.#recordFailure();
  }

  #recordFailure(): void {
    this.#previous.catch((error) => {
      this.#failure ??= error;
    });
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #uploadPart(Body: Buffer): Promise<void> {
    const PartNumber = ++this.#partCount;
    const { s3, sdk, id } = await this.#created;
    const { Bucket, Key } = this.#target;
    const { ETag } = await s3
      .send(new sdk.UploadPartCommand({ Bucket, Key, UploadId: id, PartNumber, Body }))
      .catch(throwUnavailable);
    this.#completedParts[PartNumber - 1] = { PartNumber, ETag };
  }
}

async function create(s3: LazyS3, target: UploadTarget): Promise<CreatedUpload> {
  const sdk = await import("@aws-sdk/client-s3");
  const client = await s3();
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(target)).catch(throwUnavailable);
  return { s3: client, sdk, id: UploadId ?? "" };
}

/**
 * Returns true if an earlier completion call took effect, although its response was lost. The upload belongs to this
 * run alone, and the bucket's lifecycle rule keeps it longer than any run lives.
 */
const wasCompleted = ({ name, $metadata }: Error & { $metadata?: { attempts?: number } }): boolean =>
  name === "NoSuchUpload" && ($metadata?.attempts ?? 1) > 1;

function throwUnavailable(error: Error): never {
  throw new JobError("StorageUnavailable", { reason: `${error.name}: ${error.message}` }, { cause: error });
}
