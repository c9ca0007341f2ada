import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { backendOf } from "../../store/backend.ts";
import { claim, finish, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { testApi } from "../../testing/api/api.ts";
import { testPlan } from "../../testing/jobs.ts";

/** JSON that the type json accepts and jsonb refuses. */
const ODD = String.raw`[{"nul":"\u0000","half":"\ud800","big":1e200000}]`;
const CSV = "n\n1\n2\n3\n";
const GZIPPED = gzipSync(CSV);

describe("GET /jobs/{id}/result", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let acme: { authorization: string };
  before(async () => {
    p = await testApi();
    acme = await p.as("acme");
    const keeper = await p.role("job_keeper");
    let run = "";
    const backend = await backendOf(keeper);
    const finishJob = async (requestId: string, format: string, compression: string, result: object) => {
      const task = { type: "read", sql: "select 1", format, compression };
      const headers = acme;
      await p.app.inject({ method: "POST", url: "/jobs", payload: { requestId, task }, headers });
      if (run === "") {
        [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
        await runStarted(keeper, run);
      }
      const job = await claim(keeper, run, backend, undefined);
      assert(job);
      const outcome = { status: "SUCCEEDED", rows: 3, bytes: 1, peakMemoryBytes: 1 } as const;
      const { inline, ...rest } = result as { inline?: string };
      // Like the runners, stores JSON unchanged and other formats as a JSON string.
      const first = inline === undefined ? "" : `"inline":${format === "json" ? inline : JSON.stringify(inline)},`;
      await finish(keeper, job, {
        ...outcome,
        result: `{${first}${JSON.stringify({ format, rows: 3, ...rest }).slice(1)}`,
      });
    };
    const putResult = async (key: string, body: string | Buffer) => {
      await p.s3.send(new PutObjectCommand({ Bucket: "results", Key: key, Body: body }));
      return { location: `s3://results/${key}`, bytes: body.length, sha256: "x" };
    };
    await finishJob("inline", "csv", "none", { inline: CSV });
    await finishJob("inline-gz", "csv", "gzip", { inline: GZIPPED.toString("base64") });
    await finishJob("large", "csv", "none", { compression: "none", ...(await putResult("a/1.csv", CSV)) });
    await finishJob("large-gz", "csv", "gzip", { compression: "gzip", ...(await putResult("a/1.csv.gz", GZIPPED)) });
    await finishJob("empty", "ndjson", "none", { compression: "none", ...(await putResult("a/1.ndjson", "")) });
    await finishJob("odd", "json", "none", { inline: ODD });
    await finishJob("gone", "csv", "none", {
      compression: "none",
      location: "s3://results/none",
      bytes: 1,
      sha256: "x",
    });
  });
  after(() => p.close());

  const get = (id: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" = "GET") =>
    p.app.inject({ method, url: `/jobs/${id}/result?delivery=stream`, headers: { ...acme, ...headers } });

  for (const id of ["inline", "large"]) {
    it(`sends exactly the requested range (${id})`, async () => {
      for (const [range, status, body, contentRange] of [
        ["bytes=2-3", 206, "1\n", "bytes 2-3/8"],
        ["bytes=-2", 206, "3\n", "bytes 6-7/8"],
        ["bytes=6-100", 206, "3\n", "bytes 6-7/8"],
        ["lines=1-2", 200, CSV, undefined],
        ["bytes=0-1,4-5", 200, CSV, undefined],
        ["bytes=3-2", 200, CSV, undefined],
      ] as const) {
        const response = await get(id, { range });
        assert.deepEqual([response.statusCode, response.body], [status, body], range);
        assert.deepEqual(
          [response.headers["content-range"], response.headers["content-length"]],
          [contentRange, `${body.length}`],
        );
      }
      const outside = await get(id, { range: "bytes=8-" });
      assert.deepEqual(
        [outside.statusCode, outside.json().type, outside.headers["content-range"]],
        [416, "RangeNotSatisfiable", "bytes */8"],
      );
    });

    it(`supports its ETag in If-None-Match and If-Range, and HEAD without the bytes (${id})`, async () => {
      const { etag = "" } = (await get(id)).headers;
      assert.match(String(etag), /^"[0-9a-f]{32}"$/);
      const known = await get(id, { "if-none-match": `"x", W/${etag}` });
      assert.equal(known.statusCode, 304);
      // A proxy must not serve one tenant's cached result to another, or in another format.
      for (const { headers } of [known, await get(id)])
        assert.deepEqual([headers["cache-control"], headers.vary], ["private, no-cache", "Accept, Accept-Encoding"]);
      const range = "bytes=0-0";
      assert.equal((await get(id, { range, "if-range": String(etag) })).statusCode, 206);
      assert.equal((await get(id, { range, "if-range": '"old"' })).statusCode, 200);
      const head = await get(id, {}, "HEAD");
      assert.deepEqual([head.statusCode, head.body, head.headers["content-length"]], [200, "", "8"]);
    });

    it(`sends a compressed result as a file, compressed, or decompressed, as accepted (${id}-gz)`, async () => {
      const file = await get(`${id}-gz`);
      assert.deepEqual([file.headers["content-type"], file.rawPayload.equals(GZIPPED)], ["application/gzip", true]);
      assert.equal(file.headers["content-encoding"], undefined);
      assert.match(String(file.headers["content-disposition"]), /\.csv\.gz"/);
      const packed = await get(`${id}-gz`, { accept: "text/csv", "accept-encoding": "gzip, br" });
      assert.deepEqual([packed.headers["content-encoding"], gunzipSync(packed.rawPayload).toString()], ["gzip", CSV]);
      const plain = await get(`${id}-gz`, { accept: "text/*", range: "bytes=0-1" });
      assert.deepEqual([plain.statusCode, plain.body, plain.headers["content-encoding"]], [200, CSV, undefined]);
      assert.match(String(plain.headers["content-type"]), /^text\/csv/);
      const etags = [file, packed, plain].map(({ headers }) => headers.etag);
      assert.equal(new Set(etags).size, 3, "each representation has its own ETag");
    });
  }

  it("refuses to send another format, and names the available media types", async () => {
    const response = await get("large", { accept: "application/json" });
    assert.deepEqual([response.statusCode, response.json().type], [406, "NotAcceptable"]);
    assert.match(
      response.json().detail,
      /^This result .*'application\/json'.*text\/csv; a read can be submitted again/,
    );
  });

  it("returns an update's counts uncompressed, even if its source was compressed, and previews no rows", async () => {
    await p.s3.send(new PutObjectCommand({ Bucket: "uploads", Key: "a.csv.gz", Body: GZIPPED }));
    const task = { type: "update", target: "prices", source: { s3: "s3://uploads/a.csv.gz" }, compression: "gzip" };
    const admin = await p.as("acme", "admin");
    const payload = { requestId: "update", task };
    const submitted = await p.app.inject({ method: "POST", url: "/jobs", payload, headers: admin });
    assert.equal(submitted.statusCode, 202, submitted.body);
    const keeper = await p.role("job_keeper");
    const [run = ""] = await planRuns(p.context.db, testPlan("ec2", 1));
    await runStarted(keeper, run);
    const job = await claim(keeper, run, await backendOf(keeper), undefined);
    assert(job);
    const result = JSON.stringify({ inline: { inserted: 3 }, format: "json", rows: 3 });
    await finish(keeper, job, { status: "SUCCEEDED", result, rows: 3, bytes: 9, peakMemoryBytes: 1 });
    const response = await get("update");
    assert.deepEqual([response.statusCode, response.json()], [200, { inserted: 3 }]);
    assert.match(String(response.headers["content-type"]), /^application\/json/);
    const preview = await p.app.inject({ url: "/jobs/update/preview", headers: acme });
    assert.deepEqual(preview.json(), { columns: [], rows: [], more: false });
  });

  it("returns the JSON of an inline result as written, including values that jsonb refuses", async () => {
    assert.equal((await get("odd")).body, ODD);
    const preview = await p.app.inject({ url: "/jobs/odd/preview", headers: acme });
    assert.deepEqual(preview.json(), {
      columns: ["nul", "half", "big"],
      rows: [["\0", "\uFFFD", "1e200000"]],
      more: false,
    });
  });

  it("previews no rows of an empty result", async () => {
    const preview = await p.app.inject({ url: "/jobs/empty/preview", headers: acme });
    assert.deepEqual([preview.statusCode, preview.json()], [200, { columns: [], rows: [], more: false }]);
  });

  it("reports an expired result", async () => {
    const response = await get("gone");
    assert.deepEqual([response.statusCode, response.json().type], [410, "ResultGone"]);
    assert.equal(response.headers.etag, undefined);
    const preview = await p.app.inject({ url: "/jobs/gone/preview", headers: acme });
    assert.deepEqual([preview.statusCode, preview.json().type], [410, "ResultGone"]);
  });

  it("redirects to results in S3, but sends those that must be decompressed", async () => {
    const request = (id: string, query = "", headers = {}) =>
      p.app.inject({ url: `/jobs/${id}/result${query}`, headers: { ...acme, ...headers } });
    const redirect = await request("large-gz", "", { accept: "text/csv", "accept-encoding": "gzip" });
    assert.equal(redirect.statusCode, 302);
    assert.match(String(redirect.headers.location), /response-content-encoding=gzip/);
    assert.equal((await request("large-gz", "?delivery=redirect", { accept: "text/csv" })).body, CSV);
    assert.match((await request("large", "?delivery=link")).json().location, /X-Amz-Signature/);
    assert.equal((await request("inline", "?delivery=link")).body, CSV, "a small result is sent at once");
  });

  it("returns a link to the stored bytes for delivery=link, whatever the headers are", async () => {
    for (const [id, compression, type] of [
      ["large", "none", "text/csv; charset=utf-8"],
      ["large-gz", "gzip", "application/gzip"],
    ] as const)
      for (const query of ["?delivery=link", "?redirect=false"])
        for (const headers of [
          { accept: "application/json" },
          { accept: "text/csv" },
          { accept: "text/csv", "accept-encoding": "identity" },
          { accept: "text/csv", "accept-encoding": "gzip" },
          { accept: "text/csv", range: "bytes=0-1" },
          { "if-none-match": "*" },
        ]) {
          const response = await p.app.inject({
            url: `/jobs/${id}/result${query}`,
            headers: { ...acme, ...headers } as Record<string, string>,
          });
          assert.match(String(response.headers["content-type"]), /^application\/json/, JSON.stringify(headers));
          const link = response.json();
          const location = new URL(link.location);
          assert.ok(location.searchParams.has("X-Amz-Signature"));
          assert.deepEqual([link.compression, location.searchParams.get("response-content-type")], [compression, type]);
          assert.equal(location.searchParams.get("response-content-encoding"), null);
        }
  });
});
