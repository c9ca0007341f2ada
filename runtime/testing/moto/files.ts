import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { handleRequests } from "../../dispatcher/requests.ts";
import { openSource, type S3Source } from "../../runner/load/source.ts";
import { MultipartUpload } from "../../runner/multipart.ts";
import { sqsEvent } from "../dispatcher.ts";
import type { MotoPlatform } from "./platform.ts";

/** Tests of the calls to S3. */
export const fileCalls = (platform: MotoPlatform): Mocha.Suite =>
  describe("S3", () => {
    const put = async (Key: string, Body: string) =>
      (await platform.api.s3.send(new PutObjectCommand({ Bucket: "uploads", Key, Body }))).ETag ?? "";
    const target = (Bucket: string) => ({ Bucket, Key: randomUUID(), ContentType: "text/csv" });
    const contentOf = async (source: S3Source) => {
      const rules = { hosts: [], maxBytes: 1_000 };
      let content = "";
      for await (const chunk of await openSource(
        source,
        "none",
        async () => platform.api.s3,
        rules,
        new AbortController().signal,
      ))
        content += chunk;
      return content;
    };

    it("stores a result of several parts completely", async () => {
      const destination = target("results");
      const upload = new MultipartUpload(async () => platform.api.s3, destination);
      const part = Buffer.alloc(6 * 1024 * 1024, "0123456789abcdef");
      await upload.write(part);
      await upload.write(part);
      await upload.finish();
      const { Body } = await platform.api.s3.send(
        new GetObjectCommand({ Bucket: destination.Bucket, Key: destination.Key }),
      );
      assert(Buffer.concat([part, part]).equals(Buffer.from((await Body?.transformToByteArray()) ?? [])));
    });

    it("leaves no object after an aborted upload, and reports a job error when S3 refuses a call", async () => {
      const destination = target("results");
      const upload = new MultipartUpload(async () => platform.api.s3, destination);
      await upload.write(Buffer.from("a few bytes"));
      await upload.abort();
      await assert.rejects(
        platform.api.s3.send(new GetObjectCommand({ Bucket: destination.Bucket, Key: destination.Key })),
        {
          name: "NoSuchKey",
        },
      );
      const late = async () => {
        await upload.write(Buffer.alloc(5 * 1024 * 1024));
        await upload.finish();
      };
      await assert.rejects(late(), { code: "StorageUnavailable" });
      const refused = new MultipartUpload(async () => platform.api.s3, target("no-such-bucket"));
      await refused.write(Buffer.from("a few bytes"));
      await assert.rejects(refused.finish(), { code: "StorageUnavailable", message: /NoSuchBucket/ });
    });

    it("loads only the object that was accepted, not a later one", async () => {
      const etag = await put("batch.csv", "first");
      const source = { s3: "s3://uploads/batch.csv", etag };
      assert.equal(await contentOf(source), "first");
      await put("batch.csv", "second");
      await assert.rejects(contentOf(source), { code: "SourceChanged" });
      await assert.rejects(contentOf({ s3: "s3://uploads/none.csv" }), {
        code: "SourceNotFound",
        message: /NoSuchKey/,
      });
      await assert.rejects(contentOf({ s3: "s3://no-such-bucket/none.csv" }), { code: "SourceNotFound" });
    });

    it("loads the accepted version from a versioned bucket, even if the object was replaced or deleted", async () => {
      const Bucket = "uploads";
      const headers = await platform.api.as("default");
      const upload = await platform.api.app.inject({
        method: "POST",
        url: "/uploads",
        headers,
        payload: { fileName: "versioned.csv", bytes: 5 },
      });
      const Key = upload.json().location.slice(`s3://${Bucket}/`.length);
      const setVersioning = (Status: "Enabled" | "Suspended") =>
        platform.api.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
      await setVersioning("Enabled");
      try {
        await put(Key, "first");
        const task = { type: "update", target: "prices", source: { s3: `s3://${Bucket}/${Key}` } };
        await handleRequests(platform.api.context, sqsEvent({ requestId: "versioned", task }));
        const { rows } = await platform.api.admin.query(
          "select task -> 'source' as source from jobs.jobs where request_id = 'versioned'",
        );
        const [{ source }] = rows;
        assert.deepEqual(Object.keys(source).sort(), ["s3", "versionId"]);
        await put(Key, "second");
        assert.equal(await contentOf(source), "first");

        // A retry loads the current object.
        const post = (url: string) => platform.api.app.inject({ method: "POST", url, headers });
        assert.equal((await post("/jobs/versioned/cancel")).statusCode, 200);
        const retried = await post("/jobs/versioned/retry");
        assert.equal(retried.statusCode, 202, retried.body);
        const again = await platform.api.admin.query(
          "select task -> 'source' as source from jobs.jobs where request_id = 'versioned.retry-1'",
        );
        assert.equal(await contentOf(again.rows[0].source), "second");

        await platform.api.s3.send(new DeleteObjectCommand({ Bucket, Key }));
        assert.equal(await contentOf(source), "first");
        await platform.api.s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId: source.versionId }));
        await assert.rejects(contentOf(source), { code: "SourceNotFound", message: /NoSuchVersion/ });
      } finally {
        await setVersioning("Suspended");
      }
    });

    it("pins a source on acceptance, and responds SourceNotFound if it does not exist", async () => {
      const etag = await put("pinned.csv", "x");
      const update = (s3: string) => ({ type: "update", target: "prices", source: { s3 } });
      await handleRequests(
        platform.api.context,
        sqsEvent(
          { requestId: "pinned", task: update("s3://uploads/pinned.csv") },
          { requestId: "missing", task: update("s3://uploads/missing.csv") },
        ),
      );
      const { rows } = await platform.api.admin.query(
        "select task #>> '{source,etag}' as etag from jobs.jobs where request_id = 'pinned'",
      );
      assert.equal(rows[0].etag, etag);
      const [response] = await platform.api.receive(platform.api.context.queues.responses);
      assert.equal(JSON.parse(response?.Body ?? "").error.type, "SourceNotFound");
    });

    it("accepts a file by presigned links, and completes or aborts the upload", async () => {
      const headers = await platform.api.as("default");
      const begin = async () =>
        (
          await platform.api.app.inject({
            method: "POST",
            url: "/uploads",
            headers,
            payload: { fileName: "a.csv", bytes: 3 },
          })
        ).json();
      const complete = (id: string, etag: string) =>
        platform.api.app.inject({
          method: "POST",
          url: `/uploads/${id}/complete`,
          headers,
          payload: { parts: [{ partNumber: 1, etag }] },
        });
      const first = await begin();
      const response = await fetch(first.parts[0].url, { method: "PUT", body: "a,b" });
      assert.equal(response.status, 200);
      const done = await complete(first.id, response.headers.get("etag") ?? "");
      assert.equal(done.statusCode, 200, done.body);
      assert.equal(await contentOf({ s3: done.json().location }), "a,b");

      const second = await begin();
      const refused = await complete(second.id, '"0"');
      assert.deepEqual([refused.statusCode, refused.json().type], [400, "SourceNotFound"], refused.body);
      assert.match(refused.json().detail, /InvalidPart/);
      const abort = () => platform.api.app.inject({ method: "DELETE", url: `/uploads/${second.id}`, headers });
      assert.equal((await abort()).statusCode, 204);
      assert.equal((await abort()).json().type, "SourceNotFound");
    });
  });
