import assert from "node:assert/strict";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { MultipartUpload } from "./multipart.ts";

const MB = 1024 * 1024;
const SLOW_DOWN = Object.assign(new Error("Please reduce your request rate."), { name: "SlowDown" });

describe("a multipart upload", () => {
  const target = { Bucket: "results", Key: "key", ContentType: "text/csv" };

  /** Fake client whose calls the test resolves. */
  function fakeS3() {
    const calls: { command: unknown; resolve(output: object): void; reject(error: Error): void }[] = [];
    const waiters: (() => void)[] = [];
    const send = (command: unknown) => {
      const { promise, resolve, reject } = Promise.withResolvers<object>();
      calls.push({ command, resolve, reject });
      for (const waiter of waiters.splice(0)) waiter();
      return promise;
    };
    return {
      s3: async () => ({ send }) as unknown as S3Client,
      /** Resolves with the calls once there are at least this many. */
      async calls(count: number) {
        while (calls.length < count) await new Promise<void>((resolve) => waiters.push(resolve));
        return calls;
      },
    };
  }
  const partsOf = (command: unknown) =>
    (command as CompleteMultipartUploadCommand).input.MultipartUpload?.Parts?.map(({ PartNumber, ETag }) => [
      PartNumber,
      ETag,
    ]);

  it("accepts the first bytes before S3 has created it, and uploads the last two parts at the same time", async () => {
    const { s3, calls } = fakeS3();
    const upload = new MultipartUpload(s3, target);
    const bytes = Buffer.alloc(6 * MB, "0123456789abcdef");
    await upload.write(bytes.subarray(0, 4 * MB));
    const [create] = await calls(1);
    assert(create?.command instanceof CreateMultipartUploadCommand);
    create.resolve({ UploadId: "upload" });
    await upload.write(bytes.subarray(4 * MB));
    const finished = upload.finish();
    const [, first, last] = await calls(3);
    assert(first?.command instanceof UploadPartCommand && last?.command instanceof UploadPartCommand);
    const [head, tail] = [first, last].map(({ command }) => (command as UploadPartCommand).input);
    assert.deepEqual([head?.PartNumber, tail?.PartNumber, tail?.UploadId], [1, 2, "upload"]);
    assert(Buffer.concat([head?.Body as Buffer, tail?.Body as Buffer]).equals(bytes));
    last.resolve({ ETag: "b" });
    first.resolve({ ETag: "a" });
    const complete = (await calls(4))[3];
    assert(complete?.command instanceof CompleteMultipartUploadCommand);
    assert.deepEqual(partsOf(complete.command), [
      [1, "a"],
      [2, "b"],
    ]);
    complete.resolve({});
    await finished;
  });

  it("waits for its last part before it fails, so that no part arrives after its abort", async () => {
    const { s3, calls } = fakeS3();
    const upload = new MultipartUpload(s3, target);
    (await calls(1))[0]?.resolve({ UploadId: "upload" });
    await upload.write(Buffer.alloc(6 * MB));
    let isSettled = false;
    const finished = upload.finish().finally(() => {
      isSettled = true;
    });
    finished.catch(() => undefined);
    const [, first, last] = await calls(3);
    first?.reject(SLOW_DOWN);
    await new Promise(setImmediate);
    assert(!isSettled);
    last?.resolve({ ETag: "b" });
    await assert.rejects(finished, { code: "StorageUnavailable", message: /SlowDown/ });
    const aborted = upload.abort();
    const abort = (await calls(4))[3];
    assert(abort?.command instanceof AbortMultipartUploadCommand);
    abort.reject(SLOW_DOWN);
    await aborted;
  });

  it("refuses further bytes once S3 has refused to create it, and has nothing to abort", async () => {
    const { s3, calls } = fakeS3();
    const upload = new MultipartUpload(s3, target);
    (await calls(1))[0]?.reject(SLOW_DOWN);
    await new Promise(setImmediate);
    await assert.rejects(upload.write(Buffer.alloc(1)), { code: "StorageUnavailable", message: /SlowDown/ });
    await assert.rejects(upload.finish(), { code: "StorageUnavailable", message: /SlowDown/ });
    await upload.abort();
    assert.equal((await calls(1)).length, 1);
  });

  it("sends no part after one has failed", async () => {
    const { s3, calls } = fakeS3();
    const upload = new MultipartUpload(s3, target);
    (await calls(1))[0]?.resolve({ UploadId: "upload" });
    await upload.write(Buffer.alloc(6 * MB));
    (await calls(2))[1]?.reject(SLOW_DOWN);
    await new Promise(setImmediate);
    await assert.rejects(upload.finish(), { code: "StorageUnavailable", message: /SlowDown/ });
    assert.equal((await calls(2)).length, 2);
  });

  it("is aborted once it is created", async () => {
    const { s3, calls } = fakeS3();
    const upload = new MultipartUpload(s3, target);
    const aborted = upload.abort();
    (await calls(1))[0]?.resolve({ UploadId: "upload" });
    const abort = (await calls(2))[1];
    assert(abort?.command instanceof AbortMultipartUploadCommand);
    assert.equal(abort.command.input.UploadId, "upload");
    abort.resolve({});
    await aborted;
  });
});
