import assert from "node:assert/strict";
import { type Document, InvalidCursor, type TrackingStore } from "../../tracking/store.ts";

/** A test's own store. `settled` resolves once written documents can be found. */
export interface SuiteStore {
  store: TrackingStore;
  settled(): Promise<void>;
  close(): Promise<void>;
}

const at = (second: number) => new Date(Date.UTC(2021, 0, 1, 0, 0, second)).toISOString();

/** A document as in jobs.documents, with the fields that searches use. */
export const document = (requestId: string, overrides: Record<string, unknown> = {}): Document =>
  ({
    requestId,
    tenant: "acme",
    status: "SUCCEEDED",
    runner: "glue",
    createdAt: at(0),
    finishedAt: at(1),
    task: { type: "read", query: "average_rates" },
    labels: {},
    stats: { queueMs: 1, executionMs: 2, totalMs: 3 },
    ...overrides,
  }) as Document;

/**
 * Common suite of all tracking stores.
 *
 * @param prepare - Called before the suite: prepares what `make` needs, or skips the suite.
 */
export function trackingSuite(
  name: string,
  make: () => Promise<SuiteStore>,
  prepare: (context: Mocha.Context) => Promise<void> = async () => undefined,
): void {
  describe(`the tracking store in ${name}`, () => {
    let suite: SuiteStore;
    before(function () {
      return prepare(this);
    });
    beforeEach(async () => {
      suite = await make();
    });
    afterEach(() => suite.close());

    const put = async (...documents: Document[]) => {
      assert.deepEqual(await suite.store.put(documents.map((document) => ({ version: 1, document }))), []);
      await suite.settled();
    };
    const findIds = async (search: Omit<Parameters<TrackingStore["search"]>[0], "limit">) =>
      (await suite.store.search({ limit: 100, order: "asc", ...search })).documents.map(({ requestId }) => requestId);

    it("keeps rejected requests beside the job with their id, and finds them only by the status REJECTED", async () => {
      const rejected = (rejectedId: string) =>
        document("a", {
          status: "REJECTED",
          rejectedId,
          task: undefined,
          runner: undefined,
          stats: undefined,
          body: "pelican",
        });
      await put(document("a"), rejected("1"), rejected("2"));
      assert.deepEqual(await findIds({}), ["a"]);
      assert.equal((await suite.store.summarize({})).total, 1);
      const ids = async (search: object) =>
        (await suite.store.search({ limit: 100, status: ["REJECTED"], ...search })).documents.map(
          ({ rejectedId }) => rejectedId,
        );
      assert.deepEqual((await ids({})).sort(), ["1", "2"]);
      assert.deepEqual((await ids({ text: "pelican", tenant: "acme" })).sort(), ["1", "2"]);
      assert.deepEqual(await ids({ tenant: "other" }), []);
      const first = await suite.store.search({ limit: 1, status: ["REJECTED"] });
      const { cursor = "" } = first;
      const second = await suite.store.search({ limit: 1, status: ["REJECTED"], cursor });
      assert.notEqual(first.documents[0]?.rejectedId, second.documents[0]?.rejectedId);
      assert.equal((await suite.store.get("acme", "a"))?.status, "SUCCEEDED");
      assert.equal(await suite.store.expire(at(9)), 3);
    });

    it("keeps the highest version of a document, however late or often the others arrive", async () => {
      const versions = [3, 1, 2, 3].map((version) => ({ version, document: document("a", { note: version }) }));
      for (const version of versions) assert.deepEqual(await suite.store.put([version]), []);
      await suite.settled();
      assert.equal((await suite.store.get("acme", "a"))?.note, 3);
      await suite.store.put([{ version: 4, document: document("a", { note: 4 }) }]);
      await suite.settled();
      assert.equal((await suite.store.get("acme", "a"))?.note, 4);
    });

    it("overwrites a document with the same version, so that a rebuild repairs existing documents", async () => {
      for (const note of ["wrong", "right"]) await suite.store.put([{ version: 2, document: document("a", { note }) }]);
      await suite.settled();
      assert.equal((await suite.store.get("acme", "a"))?.note, "right");
    });

    it("keeps the highest version of a document that occurs several times in one batch", async () => {
      await suite.store.put([7, 9, 8].map((version) => ({ version, document: document("a", { note: version }) })));
      await suite.settled();
      assert.equal((await suite.store.get("acme", "a"))?.note, 9);
      await suite.store.put([]);
    });

    it("accepts a document with any amount of text, so that it does not block other documents", async () => {
      const words = Array.from({ length: 100_000 }, (_, index) => `word${index}`);
      const task = { type: "read", query: "x", params: { long: words.join(" "), one: "y".repeat(500_000), words } };
      await put(document("large", { task }), document("other"));
      assert.deepEqual((await suite.store.get("acme", "large"))?.task, task);
      assert.deepEqual((await findIds({})).sort(), ["large", "other"]);
      assert.deepEqual(await findIds({ text: "large" }), ["large"]);
    });

    it("accepts labels and tasks of any kind, so that they do not block other documents", async () => {
      // Text that compresses badly.
      const long = Array.from({ length: 4_000 }, (_, index) => Math.sin(index)).join();
      const labels = { "": "", ".": "dots", "a.b": "1", a: "2", "=": "=", [long]: "y" };
      const task = { type: "read", query: "q", params: { "": [], ".": {}, "a.b": 1, a: { b: "x" }, " ": [[1], "2"] } };
      await put(document("odd", { labels, task }), document("other", { labels: { a: "2" }, task: { type: 5 } }));
      assert.deepEqual((await suite.store.get("acme", "odd"))?.labels, labels);
      assert.deepEqual(await findIds({ labels: { "a.b": "1" } }), ["odd"]);
      assert.deepEqual((await findIds({ labels: { a: "2" } })).sort(), ["odd", "other"]);
      assert.deepEqual(await findIds({ labels: { "": "", ".": "dots", "=": "=" } }), ["odd"]);
    });

    it("distinguishes documents of two tenants with the same request id", async () => {
      await put(document("a", { tenant: "x", note: 1 }), document("a", { tenant: "y", note: 2 }));
      assert.deepEqual([(await suite.store.get("x", "a"))?.note, (await suite.store.get("y", "a"))?.note], [1, 2]);
      assert.equal(await suite.store.get("z", "a"), undefined);
      assert.deepEqual(await findIds({ tenant: "y" }), ["a"]);
    });

    it("filters by status, type, runner, label and time", async () => {
      await put(
        document("done"),
        document("failed", { status: "FAILED", createdAt: at(10) }),
        document("update", { task: { type: "update", target: "prices" }, runner: "ec2", createdAt: at(20) }),
        document("labelled", { labels: { batch: "7", kind: "x" }, createdAt: at(30) }),
      );
      assert.deepEqual(await findIds({ status: ["FAILED"] }), ["failed"]);
      assert.deepEqual(await findIds({ type: "update" }), ["update"]);
      assert.deepEqual(await findIds({ runner: "ec2" }), ["update"]);
      assert.deepEqual(await findIds({ labels: { batch: "7" } }), ["labelled"]);
      assert.deepEqual(await findIds({ labels: { batch: "7", kind: "x" } }), ["labelled"]);
      assert.deepEqual(await findIds({ labels: { batch: "7", kind: "y" } }), []);
      assert.deepEqual(await findIds({ labels: { batch: "8" } }), []);
      assert.deepEqual(await findIds({ status: ["FAILED", "CANCELLED"] }), ["failed"]);
      assert.deepEqual(await findIds({ createdFrom: at(10), createdTo: at(30) }), ["failed", "update"]);
    });

    it("finds words, and the beginnings of words, in id, labels, query and error", async () => {
      await put(
        document("nightly-rotterdam-7"),
        document("b", { labels: { team: "Pricing Nordics" } }),
        document("c", { status: "FAILED", error: { type: "InvalidSql", message: "relation nowhere does not exist" } }),
        document("d", { task: { type: "read", query: "lane_coverage" } }),
      );
      assert.deepEqual(await findIds({ text: "rotterdam" }), ["nightly-rotterdam-7"]);
      assert.deepEqual(await findIds({ text: "nord" }), ["b"]);
      assert.deepEqual(await findIds({ text: "Nowhere relation" }), ["c"]);
      assert.deepEqual(await findIds({ text: "lane_coverage" }), ["d"]);
      assert.deepEqual(await findIds({ text: "absent" }), []);
      assert.deepEqual(await findIds({ text: "'); drop table & | ! :*" }), []);
      assert.equal((await findIds({ text: "  " })).length, 4, "blank text does not narrow the search");
      for (const text of ["%", "_", "*", "?", "\\", " & ! :* '", "%%_"])
        assert.deepEqual(await findIds({ text }), [], `${text} is not a wildcard`);
    });

    it("finds a document by its id and by any prefix of the id, whatever the form of the id", async () => {
      const ids = ["batch-12e4abc-x", "svc:007e-1", "run_3.5b-0x1f", "1e5", "a.b.example.com", "2021-01-31T10:00:00"];
      await put(...ids.map((id) => document(id)), document("été-Straße-東京"));
      for (const id of [...ids, "été-Straße-東京"])
        for (let length = 1; length <= id.length; length++)
          assert((await findIds({ text: id.slice(0, length) })).includes(id), id.slice(0, length));
    });

    it("truncates long words between characters, so that every text is stored and found", async () => {
      for (const character of ["a", "é", "𠀀"])
        for (let lead = 0; lead < 3; lead++)
          await put(document("long", { labels: { k: `${"b".repeat(lead)}${character.repeat(150)}` } }));
      assert.deepEqual(await findIds({ text: `bb${"𠀀".repeat(150)}` }), ["long"]);
      assert.deepEqual(await findIds({ text: `b${"𠀀".repeat(150)}` }), []);
    });

    it("pages through any order without losing or repeating a document", async () => {
      const many = Array.from({ length: 25 }, (_, index) =>
        document(`job-${String(index).padStart(2, "0")}`, {
          createdAt: at(index % 3),
          ...(index % 4 === 0 ? { finishedAt: undefined, stats: undefined } : { stats: { totalMs: index % 5 } }),
        }),
      );
      await put(...many);
      const combinations = (["createdAt", "finishedAt", "totalMs"] as const).flatMap((sort) =>
        (["asc", "desc"] as const).flatMap((order) =>
          [{}, { tenant: "acme" }].map((narrowed) => ({ sort, order, narrowed })),
        ),
      );
      for (const { sort, order, narrowed } of combinations) {
        const allIds = (await suite.store.search({ sort, order, limit: 100, ...narrowed })).documents.map(
          ({ requestId }) => requestId,
        );
        assert.equal(new Set(allIds).size, 25);
        const ended = (order === "asc" ? [...allIds] : [...allIds].reverse()).map((id) => Number(id.slice(-2)) % 4 > 0);
        if (sort !== "createdAt")
          assert.equal(ended.lastIndexOf(false), 6, "jobs that have not ended come first in ascending order");
        const paged: string[] = [];
        for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
          const page = await suite.store.search({ sort, order, limit: 7, ...narrowed, ...(cursor ? { cursor } : {}) });
          paged.push(...page.documents.map(({ requestId }) => requestId));
          cursor = page.cursor;
        }
        assert.deepEqual(paged, allIds, `${sort} ${order}`);
      }
    });

    it("refuses a cursor that is not from a page with the same sort", async () => {
      await put(document("a"), document("b"));
      const { cursor = "" } = await suite.store.search({ limit: 1 });
      assert.equal((await suite.store.search({ limit: 1, cursor })).documents.length, 1);
      const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const values = ["x", "2026-02-30 07:57:00+00", "2026-02-03 07:57:00+99"];
      for (const invalid of [
        ...["", "x", cursor.slice(0, -3), forged(null), forged([1])],
        ...values.map((value) => forged(["createdAt", value, "a", "b"])),
      ])
        await assert.rejects(suite.store.search({ limit: 1, cursor: invalid }), InvalidCursor, invalid);
      for (const sort of ["totalMs", "finishedAt"] as const)
        await assert.rejects(suite.store.search({ limit: 1, sort, cursor }), InvalidCursor, sort);
    });

    it("counts by status and error, and returns percentiles of the times", async () => {
      await put(
        ...Array.from({ length: 100 }, (_, index) =>
          document(`ok-${index}`, { stats: { queueMs: index, executionMs: 10, totalMs: index + 10 } }),
        ),
        document("bad", { status: "FAILED", error: { type: "InvalidRows", message: "" }, stats: undefined }),
        document("waits", { status: "PENDING", finishedAt: undefined, stats: undefined, tenant: "other" }),
      );
      const summary = await suite.store.summarize({ tenant: "acme" });
      assert.deepEqual(
        [summary.total, summary.byStatus, summary.byErrorType],
        [101, { SUCCEEDED: 100, FAILED: 1 }, { InvalidRows: 1 }],
      );
      assert.deepEqual(summary.percentiles.executionMs, { p50: 10, p95: 10, p99: 10 });
      assert(Math.abs((summary.percentiles.queueMs.p50 ?? 0) - 49.5) < 1.5);
      assert.deepEqual((await suite.store.summarize({ tenant: "nobody" })).percentiles.totalMs, {
        p50: null,
        p95: null,
        p99: null,
      });
    });

    it("deletes ended jobs that were created before a time, and no others", async () => {
      await put(
        document("old", { createdAt: at(0) }),
        document("new", { createdAt: at(50) }),
        document("old-waits", { createdAt: at(0), finishedAt: undefined, status: "PENDING" }),
      );
      assert.equal(await suite.store.expire(at(10)), 1);
      await suite.settled();
      assert.deepEqual((await findIds({})).sort(), ["new", "old-waits"]);
    });
  });
}
