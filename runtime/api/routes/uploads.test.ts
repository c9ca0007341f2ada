import assert from "node:assert/strict";
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

  it("signs the first links of a large file, and further ones when they are asked for", async () => {
    const begun = await p.app.inject({
      method: "POST",
      url: "/uploads",
      headers: acme,
      payload: { fileName: "large.csv", bytes: 20 * GIB },
    });
    assert.equal(begun.statusCode, 201, begun.body);
    const { id, parts, partCount, partBytes } = begun.json();
    assert.equal(partCount, Math.ceil((20 * GIB) / partBytes));
    assert.ok(partCount <= 1_100, "naming the parts takes time of the process");
    assert.equal(parts.length, 100);
    assert.ok(!parts[0].url.includes("checksum"), "S3 would compare the part with the checksum of nothing");
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
});
