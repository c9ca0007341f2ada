import assert from "node:assert/strict";
import { effectOf, repeatEffectOf } from "./effects.js";
import { fileProblem, firstLines, formatOf, MAX_FILE_BYTES } from "./files.js";

describe("a file to load", () => {
  it("has the format and compression of its extension", () => {
    assert.deepEqual(formatOf("a.csv"), { format: "csv", compression: "none" });
    assert.deepEqual(formatOf("A.CSV.GZ"), { format: "csv", compression: "gzip" });
    assert.deepEqual(formatOf("a.b.ndjson"), { format: "ndjson", compression: "none" });
    assert.deepEqual(formatOf("a.jsonl.gz"), { format: "ndjson", compression: "gzip" });
    assert.equal(formatOf("a.xlsx"), undefined);
  });
  it("is refused with a reason before it is uploaded", () => {
    assert.equal(fileProblem({ name: "a.csv", size: 1 }), "");
    assert.match(fileProblem({ name: "a.csv", size: 0 }), /empty/);
    assert.match(fileProblem({ name: "a.xlsx", size: 1 }), /must end in \.csv/);
    assert.equal(fileProblem({ name: "a.csv", size: MAX_FILE_BYTES }), "");
    assert.match(fileProblem({ name: "a.csv", size: MAX_FILE_BYTES + 1 }), /rates load/);
  });
  it("shows its first lines, unless it is compressed", async () => {
    const lines = (text: string, name = "a.csv") => firstLines(new File([text], name));
    assert.equal(await lines("a,b\r\n1,2\r\n"), "a,b\n1,2\n");
    assert.equal(await lines(Array.from({ length: 10 }, (_, n) => n).join("\n")), "0\n1\n2\n3\n4\n5\n…");
    assert.equal(await lines("x", "a.csv.gz"), "");
  });
});

describe("the confirmation of a repeated load", () => {
  it("warns of duplicate prices only if the load appends prices", () => {
    assert.match(repeatEffectOf("prices", "append"), /duplicates the prices/);
    assert.match(repeatEffectOf("prices", "replace"), /deletes later prices/);
    // The mode that was last chosen for prices has no effect on the other targets.
    for (const mode of ["append", "replace"])
      for (const target of ["ports", "regions"]) {
        assert.match(repeatEffectOf(target, mode), new RegExp(`undoes later changes of the same ${target}`));
        assert.match(effectOf(target, mode), /existing key/);
      }
  });
});

describe("an upload in parts", () => {
  const { fetch } = globalThis;
  let uploadFile: typeof import("./upload.js").uploadFile;
  before(async () => {
    // The page's modules use these globals when they are loaded.
    Object.defineProperty(globalThis, "localStorage", { value: { getItem: () => null }, configurable: true });
    Object.defineProperty(globalThis, "addEventListener", { value: () => undefined, configurable: true });
    ({ uploadFile } = await import("./upload.js"));
  });
  after(() => {
    for (const name of ["localStorage", "addEventListener"]) Reflect.deleteProperty(globalThis, name);
  });
  afterEach(() => {
    globalThis.fetch = fetch;
  });

  it("reports no progress after a part has failed", async () => {
    const other = Promise.withResolvers<Response>();
    globalThis.fetch = (async (path: string, init: { method: string }) => {
      if (path === "uploads") return Response.json({ id: "u", location: "s3://x", partBytes: 1, partCount: 2 });
      if (init.method === "DELETE") return new Response();
      if (path.endsWith("/1")) return Response.json({ type: "x", detail: "no" }, { status: 400 });
      return other.promise;
    }) as unknown as typeof globalThis.fetch;
    const progress: number[] = [];
    const upload = uploadFile(
      new File(["ab"], "a.csv"),
      undefined,
      (bytes) => progress.push(bytes),
      new AbortController().signal,
    );
    await assert.rejects(upload, { status: 400 });
    other.resolve(Response.json({ partNumber: 2, etag: "e" }));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(progress, []);
  });
});
