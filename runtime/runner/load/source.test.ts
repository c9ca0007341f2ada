import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Emulator } from "../../local/emulator.ts";
import { testCloud } from "../../testing/cluster.ts";
import { openSource } from "./source.ts";
import type { DownloadRules } from "./url.ts";

describe("a source in S3", () => {
  let cloud: Emulator;
  let s3: S3Client;
  before(async () => {
    cloud = await testCloud();
    cloud.createBucket("uploads");
    s3 = new S3Client({
      endpoint: cloud.endpoint,
      region: cloud.region,
      forcePathStyle: true,
      credentials: cloud.credentials,
    });
  });
  after(async () => {
    s3.destroy();
    await cloud.stop();
  });

  const put = async (body: Buffer | string, key = "batch.csv") => {
    await s3.send(new PutObjectCommand({ Bucket: "uploads", Key: key, Body: body }));
    const { ETag } = await s3.send(new HeadObjectCommand({ Bucket: "uploads", Key: key }));
    return { s3: `s3://uploads/${key}`, ...(ETag ? { etag: ETag } : {}) };
  };
  const rules = (maxBytes = 1_000_000): DownloadRules => ({ hosts: [], maxBytes });
  const open = (
    source: { s3: string; etag?: string },
    compression: "none" | "gzip" = "none",
    maxBytes?: number,
    signal = new AbortController().signal,
  ) => openSource(source, compression, async () => s3, rules(maxBytes), signal);
  const text = async (...args: Parameters<typeof open>) => {
    const chunks: Buffer[] = [];
    for await (const chunk of await open(...args)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  it("returns the object's bytes, decompressed if they are gzip, even of several members", async () => {
    assert.equal(await text(await put("a,b\n1,2\n", "deep/é name.csv")), "a,b\n1,2\n");
    assert.equal(await text(await put(Buffer.concat([gzipSync("a,b\n"), gzipSync("1,2\n")])), "gzip"), "a,b\n1,2\n");
  });

  it("is refused if it has changed since the request was accepted", async () => {
    const source = await put("first");
    await put("second");
    await assert.rejects(text(source), { code: "SourceChanged" });
  });

  it("reports a missing object", async () => {
    await assert.rejects(text({ s3: "s3://uploads/nothing.csv" }), {
      code: "SourceNotFound",
      message: /s3:\/\/uploads\/nothing.csv/,
    });
  });

  it("names an archived object, which must be restored first", async () => {
    const archived = Object.create(s3) as S3Client;
    const error = Object.assign(new Error("no"), { name: "InvalidObjectState", $metadata: { httpStatusCode: 403 } });
    archived.send = (() => Promise.reject(error)) as unknown as S3Client["send"];
    const source = await put("a,b");
    await assert.rejects(
      openSource(source, "none", async () => archived, rules(), new AbortController().signal),
      { code: "SourceNotAllowed", message: /it is archived.*Restore it first/ },
    );
  });

  it("must not exceed the limit, compressed or decompressed", async () => {
    await assert.rejects(text(await put("x".repeat(1001)), "none", 1_000), { code: "SourceTooLarge" });
    const bomb = await put(gzipSync(Buffer.alloc(50_000_000)));
    await assert.rejects(text(bomb, "gzip", 1_000_000), { code: "SourceTooLarge" });
  });

  it("reports data that is not gzip, or is cut off", async () => {
    const packed = gzipSync(createHash("shake256", { outputLength: 100_000 }).update("any").digest());
    for (const body of [Buffer.from("a,b\n1,2\n"), packed.subarray(0, -20), packed.subarray(0, 50_000)])
      await assert.rejects(text(await put(body), "gzip"), { code: "InvalidCompression" });
    await assert.rejects(text(await put("x"), "gzip"), { code: "InvalidCompression" });
  });

  it("reports a failing source with a reason, as a retryable error, compressed or not", async () => {
    for (const compression of ["none", "gzip"] as const) {
      const source = await put(gzipSync(createHash("shake256", { outputLength: 600_000 }).update("any").digest()));
      const bytes = await openSource(
        source,
        compression,
        async () => broken(s3),
        rules(),
        new AbortController().signal,
      );
      await assert.rejects(
        async () => {
          for await (const _chunk of bytes);
        },
        { code: "SourceUnreachable", message: /uploads\/batch.csv could not be read: the line broke/ },
      );
    }
  });

  it("has the announced length, or fails with a retryable error", async () => {
    for (const [length, message] of [
      [7, /more than the 7 bytes/],
      [9, /ended after 8 of its 9 bytes/],
    ] as const) {
      const source = await put("a,b\n1,2\n");
      const bytes = await openSource(
        source,
        "none",
        async () => resized(s3, length),
        rules(),
        new AbortController().signal,
      );
      await assert.rejects(
        async () => {
          for await (const _chunk of bytes);
        },
        { code: "SourceUnreachable", message },
      );
    }
  });

  it("ends with its job", async () => {
    const source = await put(gzipSync(createHash("shake256", { outputLength: 600_000 }).update("any").digest()));
    for (const compression of ["none", "gzip"] as const) {
      const job = new AbortController();
      const bytes = await open(source, compression, undefined, job.signal);
      await assert.rejects(
        async () => {
          for await (const _chunk of bytes) job.abort();
        },
        { name: "AbortError" },
      );
    }
  });
});

/** A client whose response bodies break off after their first bytes. */
function broken(s3: S3Client): S3Client {
  const client = Object.create(s3) as S3Client;
  client.send = (async (command: GetObjectCommand) => {
    const response = await s3.send(command);
    const body = response.Body as unknown as {
      once(event: string, listener: () => void): void;
      destroy(e: Error): void;
    };
    body.once("data", () => body.destroy(new Error("the line broke")));
    return response;
  }) as unknown as S3Client["send"];
  return client;
}

/** A client that announces a length other than the body's, as if the file changed while it was read. */
function resized(s3: S3Client, length: number): S3Client {
  const client = Object.create(s3) as S3Client;
  client.send = (async (command: GetObjectCommand) => ({
    ...(await s3.send(command)),
    ContentLength: length,
  })) as unknown as S3Client["send"];
  return client;
}
