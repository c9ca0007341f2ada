import assert from "node:assert/strict";
import type { Document, TrackingStore } from "../../tracking/store.ts";
import { readPage } from "./search.ts";

/** Creates a store of `count` documents with texts of `length` letters. A cursor is the number of the next document. */
function storeOf(count: number, length: number, letter = "x"): { tracking: TrackingStore; limits: number[] } {
  const limits: number[] = [];
  const search: TrackingStore["search"] = async ({ limit, cursor = "0" }) => {
    limits.push(limit);
    const from = Number(cursor);
    const documents = Array.from({ length: Math.min(limit, count - from) }, (_, index) => ({
      requestId: `job-${from + index}`,
      text: letter.repeat(length),
    }));
    const next = from + documents.length;
    return { documents: documents as unknown as Document[], cursor: next < count ? String(next) : undefined };
  };
  return { tracking: { search } as TrackingStore, limits };
}

describe("a page of documents", () => {
  it("has as many documents as requested, read in several calls", async () => {
    const { tracking, limits } = storeOf(1_000, 10);
    const { documents, cursor } = await readPage(tracking, { limit: 250 });
    assert.deepEqual([documents.length, cursor, limits], [250, "250", [100, 100, 50]]);
    const last = await readPage(tracking, { limit: 1_000, cursor: "250" });
    assert.deepEqual([last.documents.length, last.cursor], [750, undefined]);
  });

  it("ends early if documents are long, with a cursor for the others", async () => {
    const { tracking } = storeOf(300, 60_000);
    const ids: string[] = [];
    let from: string | undefined;
    do {
      const { documents, cursor } = await readPage(tracking, {
        limit: 1_000,
        ...(from === undefined ? {} : { cursor: from }),
      });
      assert.ok(documents.join().length < 10_000_000);
      ids.push(...documents.map((text) => JSON.parse(text).requestId));
      from = cursor;
    } while (from !== undefined);
    assert.equal(new Set(ids).size, 300);
  });

  it("is limited by its size in bytes, not in characters", async () => {
    const sizes: number[] = [];
    for (const letter of ["x", "語"]) {
      const { documents } = await readPage(storeOf(1_000, 6_000, letter).tracking, { limit: 1_000 });
      sizes.push(documents.length);
    }
    assert.deepEqual(sizes, [400, 200]);
  });
});
