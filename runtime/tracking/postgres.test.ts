import assert from "node:assert/strict";
import pg from "pg";
import { testDatabase } from "../testing/cluster.ts";
import { trackingSuite } from "../testing/tracking/suite.ts";
import { PostgresTracking } from "./postgres.ts";
import type { Document } from "./store.ts";

trackingSuite("Postgres", async () => {
  const database = await testDatabase();
  const db = new pg.Pool({ connectionString: database.urlAs("dispatcher"), max: 2 });
  db.on("error", () => undefined);
  return {
    store: new PostgresTracking(db),
    settled: async () => undefined,
    async close() {
      await db.end();
      await database.drop();
    },
  };
});

describe("the tracking store in Postgres", () => {
  it("returns each document that Postgres refuses, and stores all others", async () => {
    const database = await testDatabase();
    const db = new pg.Pool({ connectionString: database.urlAs("dispatcher"), max: 1 });
    try {
      const store = new PostgresTracking(db);
      const document = (requestId: string, totalMs: number) =>
        ({
          tenant: "t",
          requestId,
          status: "SUCCEEDED",
          createdAt: "2026-01-01T00:00:00Z",
          stats: { totalMs },
        }) as Document;
      const documents = Array.from({ length: 9 }, (_, index) =>
        document(`d${index}`, [2, 7].includes(index) ? 0.5 : 1),
      );
      const unwritten = await store.put(documents.map((each) => ({ version: 1, document: each })));
      assert.deepEqual(
        unwritten.map(({ index, final }) => [index, final]),
        [
          [2, true],
          [7, true],
        ],
      );
      assert.match(unwritten[0]?.reason ?? "", /bigint/);
      const stored = await Promise.all(documents.map(({ requestId }) => store.get("t", requestId)));
      assert.deepEqual(
        stored.flatMap((each, index) => (each === undefined ? [index] : [])),
        [2, 7],
      );
    } finally {
      await db.end();
      await database.drop();
    }
  });

  it("throws if the database is unavailable, so that the whole store is paused", async () => {
    const store = new PostgresTracking({
      query: () => Promise.reject(Object.assign(new Error("the database system is shutting down"), { code: "57P03" })),
    } as unknown as pg.Pool);
    const document = { tenant: "t", requestId: "d", status: "PENDING", createdAt: "2026-01-01T00:00:00Z" } as Document;
    await assert.rejects(store.put([{ version: 1, document }]), /shutting down/);
  });
});
