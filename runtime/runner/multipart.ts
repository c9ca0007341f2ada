import type { CompletedPart, S3Client } from "@aws-sdk/client-s3";
import { JobError } from "../contract/errors.ts";

/** S3's smallest part (S3 User Guide, multipart upload limits): with 10,000 parts at most, results up to 48 GiB. */
const PART_BYTES = 5 * 1024 * 1024;

/** The object to create. */
export interface UploadTarget {
  Bucket: string;
  Key: string;
  ContentType: string;
}

/**
 * A multipart upload with two reused buffers: one has the part that is being uploaded, the other collects the bytes
 * that follow, which are copied to the first when the part has arrived. A result of any size takes the memory of one
 * part and of the bytes that arrive during its upload. (The SDK's own Upload takes new memory for every part; a run
 * that exported 10,000,000 rows grew by 60 MB with it.)
 */
export class MultipartUpload {
  readonly #s3: S3Client;
  readonly #sdk: typeof import("@aws-sdk/client-s3");
  readonly #target: UploadTarget;
  readonly #id: string;
  readonly #completedParts: CompletedPart[] = [];
  // The operating system allocates only the pages that are written.
  readonly #part: Buffer = Buffer.allocUnsafeSlow(PART_BYTES);
  readonly #ahead: Buffer = Buffer.allocUnsafeSlow(PART_BYTES);
  /** Number of buffered bytes: in `#ahead` while a part is being uploaded, otherwise in `#part`. */
  #bufferedBytes = 0;
  #isUploading = false;
  #uploading: Promise<void> = Promise.resolve();

  private constructor(s3: S3Client, sdk: typeof import("@aws-sdk/client-s3"), target: UploadTarget, id: string) {
    this.#s3 = s3;
    this.#sdk = sdk;
    this.#target = target;
    this.#id = id;
  }

  /** @throws JobError StorageUnavailable, as every method does when S3 refuses */
  static async begin(s3: S3Client, target: UploadTarget): Promise<MultipartUpload> {
    const sdk = await import("@aws-sdk/client-s3");
    const { UploadId } = await s3.send(new sdk.CreateMultipartUploadCommand(target)).catch(unavailable);
    return new MultipartUpload(s3, sdk, target, UploadId ?? "");
  }

  /** Adds a chunk; waits while both buffers are full. The chunk's memory may be reused when this resolves. */
  async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(this.#isUploading ? this.#ahead : this.#part, this.#bufferedBytes, at);
      this.#bufferedBytes += copied;
      at += copied;
      if (this.#bufferedBytes === PART_BYTES) await this.#send();
    }
  }

  /** Uploads the rest and completes the object. */
  async finish(): Promise<void> {
    if (this.#bufferedBytes > 0) await this.#send();
    await this.#uploading;
    const { Bucket, Key } = this.#target;
    const MultipartUpload = { Parts: this.#completedParts };
    await this.#s3
      .send(new this.#sdk.CompleteMultipartUploadCommand({ Bucket, Key, UploadId: this.#id, MultipartUpload }))
      .catch((error) => {
        if (!isDone(error)) unavailable(error);
      });
  }

  /** Aborts the upload, which removes its parts. If that fails, the bucket's lifecycle rule removes them. */
  async abort(): Promise<void> {
    await this.#uploading.catch(() => undefined);
    const { Bucket, Key } = this.#target;
    await this.#s3
      .send(new this.#sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId: this.#id }))
      .catch(() => undefined);
  }

  async #send(): Promise<void> {
    await this.#uploading;
    const { Bucket, Key } = this.#target;
    const PartNumber = this.#completedParts.length + 1;
    const Body = this.#part.subarray(0, this.#bufferedBytes);
    this.#bufferedBytes = 0;
    this.#isUploading = true;
    this.#uploading = this.#s3
      .send(new this.#sdk.UploadPartCommand({ Bucket, Key, UploadId: this.#id, PartNumber, Body }))
      .then(({ ETag }) => {
        this.#completedParts.push({ PartNumber, ETag });
        this.#ahead.copy(this.#part, 0, 0, this.#bufferedBytes);
        this.#isUploading = false;
      }, unavailable);
    this.#uploading.catch(() => undefined);
  }
}

/**
 * Returns true if a repeated completion had already taken effect, with its response lost. The upload belongs to this
 * run alone, and the bucket's lifecycle rule keeps it longer than any run lives.
 */
const isDone = ({ name, $metadata }: Error & { $metadata?: { attempts?: number } }): boolean =>
  name === "NoSuchUpload" && ($metadata?.attempts ?? 1) > 1;

function unavailable(error: Error): never {
  throw new JobError("StorageUnavailable", { reason: `${error.name}: ${error.message}` }, { cause: error });
}
