import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { json } from "node:stream/consumers";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { type ApiOfSuite, apiSuite } from "../../testing/api/suite.ts";
import { onUploadError, PART_BYTES } from "./uploads.ts";

describe("PUT /uploads/{id}/parts/{part}", () => {
  let { p, acme } = {} as ApiOfSuite;
  apiSuite((api) => {
    ({ p, acme } = api);
  });

  const begin = async (bytes: number) =>
    (
      await p.app.inject({ method: "POST", url: "/uploads", headers: acme, payload: { fileName: "a.csv", bytes } })
    ).json() as { id: string; location: string; partCount: number };
  const put = (id: string, part: number, payload: Buffer | string, headers: Record<string, string> = acme) =>
    p.app.inject({
      method: "PUT",
      url: `/uploads/${id}/parts/${part}`,
      headers: { "content-type": "application/octet-stream", ...headers },
      payload,
    });

  it("stores a part of an upload, so that the upload can be completed", async () => {
    const bytes = Buffer.alloc(PART_BYTES + 3, "x");
    const { id, location, partCount } = await begin(bytes.length);
    assert.equal(partCount, 2);
    const parts = [];
    for (const [index, part] of [bytes.subarray(0, PART_BYTES), bytes.subarray(PART_BYTES)].entries()) {
      const response = await put(id, index + 1, part);
      assert.equal(response.statusCode, 200, response.body);
      parts.push(response.json());
    }
    const completed = await p.app.inject({
      method: "POST",
      url: `/uploads/${id}/complete`,
      headers: acme,
      payload: { parts },
    });
    assert.equal(completed.statusCode, 200, completed.body);
    const [, Bucket = "", Key = ""] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ?? [];
    const { Body } = await p.s3.send(new GetObjectCommand({ Bucket, Key }));
    assert.equal((await Body?.transformToByteArray())?.length, bytes.length);
  });

  it("refuses parts that are too large or of another content type, uploads of other tenants, and callers without update", async () => {
    const { id } = await begin(3);
    const large = await put(id, 1, Buffer.alloc(PART_BYTES + 1));
    assert.equal(large.statusCode, 413, large.body);
    assert.match(large.json().detail, new RegExp(`^A part of an upload has at most ${PART_BYTES} bytes`));
    assert.equal((await put(id, 1, "abc", await p.as("other"))).statusCode, 404);
    assert.equal((await put(id, 1, "abc", await p.as("acme", "read"))).statusCode, 403);
    assert.equal((await put(id, 1, "abc", { authorization: "" })).statusCode, 401);
    assert.equal((await put(id, 1_101, "abc")).statusCode, 400);
    for (const type of ["text/plain", "application/json", "nonsense"]) {
      const response = await put(id, 1, "{}", { ...acme, "content-type": type });
      assert.equal(response.statusCode, 415, type);
      assert.match(response.json().detail, /Send the bytes with `Content-Type: application\/octet-stream`\.$/, type);
    }
  });

  it("stores an empty part if the request has no body", async () => {
    const { id } = await begin(3);
    const response = await p.app.inject({ method: "PUT", url: `/uploads/${id}/parts/1`, headers: acme });
    assert.equal(response.statusCode, 200, response.body);
  });

  it("reports a part of an aborted or unknown upload as a user error", async () => {
    const { id } = await begin(3);
    assert.equal((await p.app.inject({ method: "DELETE", url: `/uploads/${id}`, headers: acme })).statusCode, 204);
    const [key = ""] = Buffer.from(id, "base64url").toString().split("\n");
    for (const upload of [id, Buffer.from(`${key}\nother`).toString("base64url")]) {
      const response = await put(upload, 1, "abc");
      assert.deepEqual([response.statusCode, response.json().type], [400, "SourceNotFound"], response.body);
    }
  });

  it("limits a tenant's parts in memory, and returns Retry-After", async () => {
    const { id } = await begin(3);
    const origin = await p.app.listen({ host: "127.0.0.1", port: 0 });
    // No body ends before the refused requests get their responses, so the accepted parts are in memory at the same time.
    const sent = Array.from({ length: 6 }, () => {
      const body = request(`${origin}/uploads/${id}/parts/1`, {
        method: "PUT",
        headers: { "content-type": "application/octet-stream", ...acme },
      });
      body.write("a");
      return { body, response: once(body, "response").then(([response]) => response as IncomingMessage) };
    });
    const responses: IncomingMessage[] = [];
    const allRefused = Promise.withResolvers<void>();
    const ended = sent.map(async ({ response }) => {
      if (responses.push(await response) === 4) allRefused.resolve();
    });
    await allRefused.promise;
    assert.deepEqual(
      responses.map(({ statusCode }) => statusCode),
      [503, 503, 503, 503],
    );
    for (const { body } of sent) body.end();
    await Promise.all(ended);
    assert.deepEqual(
      responses.slice(4).map(({ statusCode }) => statusCode),
      [200, 200],
    );
    const [busy, ...others] = responses;
    assert.ok(busy);
    assert.equal(((await json(busy)) as { type: string }).type, "Busy");
    assert.ok(Number(busy.headers["retry-after"]) > 0);
    for (const other of others) other.resume();
    assert.equal((await put(id, 1, "abc")).statusCode, 200, "memory is available again");
  });
});

describe("onUploadError", () => {
  const error = (name: string, httpStatusCode: number) =>
    Object.assign(new Error("User: arn:aws:sts::111111111111:assumed-role/rates-dev-api/x is not authorized"), {
      name,
      $metadata: { httpStatusCode },
    });

  it("throws a user error without role names only if the upload caused the error of S3", () => {
    for (const [name, status] of [
      ["NoSuchUpload", 404],
      ["InvalidPart", 400],
    ] as const)
      assert.throws(
        () => onUploadError("key")(error(name, status)),
        (thrown: Error & { code: string }) => thrown.code === "SourceNotFound" && !thrown.message.includes("arn:"),
      );
    for (const [name, status] of [
      ["AccessDenied", 403],
      ["ExpiredToken", 400],
      ["KMS.DisabledException", 400],
      ["SlowDown", 503],
    ] as const)
      assert.throws(() => onUploadError("key")(error(name, status)), { name });
  });
});
