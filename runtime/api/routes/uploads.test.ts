import assert from "node:assert/strict";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { testApi } from "../../testing/api/api.ts";

const GIB = 1024 ** 3;

describe("POST /uploads", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let acme: { authorization: string };
  before(async () => {
    p = await testApi({ jobs: { sourceBytes: 100 * GIB } });
    acme = await p.as("acme");
  });
  after(() => p.close());

  it("signs the first links of a large file, and further ones on request", async () => {
    const begun = await p.app.inject({
      method: "POST",
      url: "/uploads",
      headers: acme,
      payload: { fileName: "large.csv", bytes: 20 * GIB },
    });
    assert.equal(begun.statusCode, 201, begun.body);
    const { id, parts, partCount, partBytes } = begun.json();
    assert.equal(partCount, Math.ceil((20 * GIB) / partBytes));
    assert.ok(partCount <= 1_100, "listing more parts would block the process");
    assert.equal(parts.length, 100);
    assert.ok(!parts[0].url.includes("checksum"), "S3 would compare the part with the checksum of an empty body");
    const more = await p.app.inject({
      method: "POST",
      url: `/uploads/${id}/parts?from=${partCount - 1}&count=2`,
      headers: acme,
    });
    assert.deepEqual(
      more.json().parts.map(({ partNumber }: { partNumber: number }) => partNumber),
      [partCount - 1, partCount],
    );
    assert.equal(
      (await p.app.inject({ method: "POST", url: `/uploads/${id}/parts?count=101`, headers: acme })).statusCode,
      400,
    );
    const other = await p.as("other");
    assert.equal((await p.app.inject({ method: "POST", url: `/uploads/${id}/parts`, headers: other })).statusCode, 404);
  });

  it("never names an object . or ..", async () => {
    for (const fileName of [".", "..", "../..", "a/../b", "\u0000"]) {
      const begun = await p.app.inject({
        method: "POST",
        url: "/uploads",
        headers: acme,
        payload: { fileName, bytes: 1 },
      });
      assert.equal(begun.statusCode, 201, begun.body);
      assert.doesNotMatch(begun.json().location, /\/\.{1,2}$|\/\.{1,2}\//);
    }
  });

  it("derives the location from a given hash, and skips content that is already uploaded", async () => {
    const sha256 = "0f".repeat(32);
    const begin = (payload: object, headers = acme) =>
      p.app.inject({ method: "POST", url: "/uploads", headers, payload: { fileName: "a.csv", bytes: 3, ...payload } });
    const first = await begin({ sha256 });
    const second = await begin({ sha256, fileName: "b.csv" });
    assert.deepEqual([first.statusCode, second.statusCode], [201, 201]);
    const { location } = first.json();
    assert.match(location, new RegExp(`/[0-9a-f]{16}/${sha256}$`));
    assert.equal(second.json().location, location, "whatever the file name");
    for (const [begun, body] of [
      [first, "abc"],
      [second, "xyz"],
    ] as const) {
      const { id, parts } = begun.json();
      const put = await fetch(parts[0].url, { method: "PUT", body });
      const done = await p.app.inject({
        method: "POST",
        url: `/uploads/${id}/complete`,
        headers: acme,
        payload: { parts: [{ partNumber: 1, etag: put.headers.get("etag") }] },
      });
      assert.deepEqual([done.statusCode, done.json()], [200, { location }]);
    }
    const [Bucket, ...key] = location.slice("s3://".length).split("/");
    const { Body } = await p.s3.send(new GetObjectCommand({ Bucket, Key: key.join("/") }));
    assert.equal(await Body?.transformToString(), "abc", "of concurrent uploads the first one completed is kept");
    const third = await begin({ sha256 });
    assert.deepEqual([third.statusCode, third.json()], [200, { location }]);
    assert.equal((await begin({ sha256 }, await p.as("other"))).statusCode, 201, "uploads are not shared by tenants");
    assert.equal((await begin({ sha256: "XY" })).statusCode, 400);
  });
});
