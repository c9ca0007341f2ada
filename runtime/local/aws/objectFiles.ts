import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BucketType, MultipartPart, MultipartUpload, ObjectPersistence, S3Object, S3Store } from "./fauxqs.ts";
import { isBucketName } from "./s3Paths.ts";

const BUCKET = ".bucket.json";
const LIFECYCLE = ".lifecycle.xml";
const UPLOAD = ".upload.json";
const DATA = ".data";
const META = ".meta.json";

/**
 * Keeps buckets, objects and uploads as files below a directory. An object's file is named by a hash of its key, so
 * that no key escapes the directory, is too long or collides. Replaces fauxqs's storage, which uses keys as paths.
 */
export class ObjectFiles implements ObjectPersistence {
  readonly #buckets: string;
  readonly #uploads: string;

  constructor(directory: string) {
    this.#buckets = join(directory, "buckets");
    this.#uploads = join(directory, "_multipart");
    for (const path of [this.#buckets, this.#uploads]) mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  insertBucket(name: string, creationDate: Date, type: BucketType): void {
    mkdirSync(this.#objects(name), { recursive: true });
    writeAtomically(join(this.#bucket(name), BUCKET), JSON.stringify({ name, creationDate, type }));
  }
  deleteBucket(name: string): void {
    rmSync(this.#bucket(name), { recursive: true, force: true });
  }
  saveBucketLifecycleConfiguration(bucket: string, config: string): void {
    writeAtomically(join(this.#bucket(bucket), LIFECYCLE), config);
  }
  deleteBucketLifecycleConfiguration(bucket: string): void {
    rmSync(join(this.#bucket(bucket), LIFECYCLE), { force: true });
  }

  upsertObject(bucket: string, { body, ...meta }: S3Object): void {
    const file = this.#object(bucket, meta.key);
    mkdirSync(dirname(file), { recursive: true });
    writeAtomically(file + DATA, body);
    writeAtomically(file + META, JSON.stringify(meta));
  }
  deleteObject(bucket: string, key: string): void {
    const file = this.#object(bucket, key);
    for (const extension of [META, DATA]) rmSync(file + extension, { force: true });
  }
  renameObject(bucket: string, sourceKey: string, destKey: string): void {
    const source = this.#object(bucket, sourceKey);
    const meta = JSON.parse(readFileSync(source + META, "utf8"));
    this.upsertObject(bucket, { ...meta, key: destKey, body: readFileSync(source + DATA) });
    this.deleteObject(bucket, sourceKey);
  }
  readBody(bucket: string, key: string): Buffer {
    return readFileSync(this.#object(bucket, key) + DATA);
  }
  deleteObjectsByBucket(bucket: string): void {
    rmSync(this.#objects(bucket), { recursive: true, force: true });
    mkdirSync(this.#objects(bucket), { recursive: true });
  }
  deleteAllObjects(): void {
    for (const bucket of this.#bucketNames()) this.deleteObjectsByBucket(bucket);
  }

  insertMultipartUpload({ parts: _, ...meta }: MultipartUpload): void {
    const directory = this.#upload(meta.uploadId);
    mkdirSync(directory, { recursive: true });
    writeAtomically(join(directory, UPLOAD), JSON.stringify(meta));
  }
  upsertMultipartPart(uploadId: string, { body, ...meta }: MultipartPart): void {
    const directory = join(this.#upload(uploadId), "parts");
    mkdirSync(directory, { recursive: true });
    const file = join(directory, String(Number(meta.partNumber)));
    writeAtomically(file + DATA, body);
    writeAtomically(file + META, JSON.stringify(meta));
  }
  deleteMultipartUpload(uploadId: string): void {
    rmSync(this.#upload(uploadId), { recursive: true, force: true });
  }
  completeMultipartUpload(uploadId: string, bucket: string, object: S3Object): void {
    this.upsertObject(bucket, object);
    this.deleteMultipartUpload(uploadId);
  }
  deleteAllMultipartUploads(): void {
    for (const uploadId of readdirSync(this.#uploads)) this.deleteMultipartUpload(uploadId);
  }

  purgeAll(): void {
    for (const bucket of this.#bucketNames()) this.deleteBucket(bucket);
    this.deleteAllMultipartUploads();
  }
  close(): void {}

  loadS3(store: S3Store): void {
    for (const bucket of this.#bucketNames()) {
      const { type, creationDate } = JSON.parse(readFileSync(join(this.#bucket(bucket), BUCKET), "utf8"));
      store.createBucket(bucket, type);
      store.setBucketCreationDate(bucket, new Date(creationDate));
      const lifecycle = join(this.#bucket(bucket), LIFECYCLE);
      if (existsSync(lifecycle)) store.restoreBucketLifecycleConfiguration(bucket, readFileSync(lifecycle, "utf8"));
      this.#loadObjects(store, bucket);
    }
    for (const uploadId of readdirSync(this.#uploads)) this.#loadUpload(store, uploadId);
  }

  #loadObjects(store: S3Store, bucket: string): void {
    const names = readdirSync(this.#objects(bucket), { recursive: true, encoding: "utf8" });
    for (const name of names.filter((name) => name.endsWith(META))) {
      const meta = JSON.parse(readFileSync(join(this.#objects(bucket), name), "utf8"));
      const currentFile = join(this.#objects(bucket), name.slice(0, -META.length));
      const file = this.#object(bucket, meta.key);
      // Older versions of the platform named files by key.
      if (currentFile !== file) {
        mkdirSync(dirname(file), { recursive: true });
        for (const extension of [DATA, META]) renameSync(currentFile + extension, file + extension);
      }
      // Bodies are read on demand.
      store.restoreObject(bucket, { ...meta, lastModified: new Date(meta.lastModified), body: Buffer.alloc(0) });
    }
  }

  #loadUpload(store: S3Store, uploadId: string): void {
    const directory = this.#upload(uploadId);
    if (!existsSync(join(directory, UPLOAD))) return;
    const meta = JSON.parse(readFileSync(join(directory, UPLOAD), "utf8"));
    const parts = new Map<number, MultipartPart>();
    const names = existsSync(join(directory, "parts")) ? readdirSync(join(directory, "parts")) : [];
    for (const name of names.filter((name) => name.endsWith(META))) {
      const file = join(directory, "parts", name.slice(0, -META.length));
      const part = JSON.parse(readFileSync(file + META, "utf8"));
      const body = readFileSync(file + DATA);
      parts.set(part.partNumber, { ...part, lastModified: new Date(part.lastModified), body });
    }
    store.restoreMultipartUpload({ ...meta, initiated: new Date(meta.initiated), parts });
  }

  #bucketNames = () => readdirSync(this.#buckets).filter((name) => existsSync(join(this.#bucket(name), BUCKET)));

  #bucket(name: string): string {
    if (!isBucketName(name)) throw new Error(`'${name}' is not the name of a bucket.`);
    return join(this.#buckets, name);
  }
  #objects = (bucket: string) => join(this.#bucket(bucket), "objects");
  #object(bucket: string, key: string): string {
    const hash = createHash("sha256").update(key).digest("hex");
    return join(this.#objects(bucket), hash.slice(0, 2), hash);
  }
  #upload(uploadId: string): string {
    if (!/^[\w-]{1,128}$/.test(uploadId)) throw new Error(`'${uploadId}' is not the id of an upload.`);
    return join(this.#uploads, uploadId);
  }
}

/** Writes a file so that a reader, or a restart, sees either the old or the new content. */
function writeAtomically(file: string, content: string | Buffer): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
