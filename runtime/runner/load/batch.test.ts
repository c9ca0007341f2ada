import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../../db/testing/database.ts";
import { JobError } from "../../contract/errors.ts";
import type { Target } from "../../contract/request.ts";
import { type Batch, loadBatch } from "./batch.ts";

describe("a batch", () => {
  let database: Scratch;
  let writer: pg.Client;
  let admin: pg.Client;
  beforeEach(async () => {
    database = await migratedDatabase();
    admin = await database.connect();
    writer = await database.connect("job_writer");
    await admin.query(`
      insert into regions values ('north', 'North', null), ('south', 'South', 'north');
      insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
  });
  afterEach(() => database.drop());

  const batch = (target: Target, content: Batch["content"], changes: Partial<Batch> = {}): Batch => ({
    target,
    mode: "append",
    content,
    reportRows: 100,
    limits: { maxBadRows: 100_000, stagedBytes: 1e9 },
    signal: new AbortController().signal,
    onProgress() {},
    onCopy() {},
    ...changes,
  });
  const inTransaction = async <T>(work: () => Promise<T>): Promise<T> => {
    await writer.query("begin");
    try {
      return await work();
    } finally {
      await writer.query("rollback");
    }
  };
  const load = (target: Target, items: readonly unknown[]) =>
    inTransaction(async () => {
      const loaded = await loadBatch(writer, batch(target, { items }));
      if (!("bad" in loaded)) return loaded.rows;
      return loaded.bad.first.map(({ line, column, value, reason }) => `${line} ${column} ${value} ${reason}`);
    });
  const price = { orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-01", price: 5 };

  it("reports all problems of a row: wrong types, unknown or missing columns, and invalid values", async () => {
    assert.deepEqual(
      await load("prices", [price, { orig_code: 7, dest_code: "XXXXX", price: 0, prize: null, day: "" }, price]),
      [
        "2 day null is missing",
        "2 dest_code XXXXX is not the code of a known port",
        "2 orig_code 7 must be a JSON string",
        "2 price 0 must be a whole number above 0, written in digits",
        "2 prize null is not a column. Did you mean 'price'?",
      ],
    );
  });

  it("accepts a parent that is in a bad row, and reports a key that is too long for an index", async () => {
    assert.deepEqual(
      await load("regions", [
        { slug: "above", name: 5 },
        { slug: "below", name: "Below", parent_slug: "above" },
      ]),
      ["1 name 5 must be a JSON string"],
    );
    const long = Array.from({ length: 5_000 }, (_, at) => String.fromCodePoint(0x4e00 + at)).join("");
    assert.deepEqual(await load("ports", [{ code: long, name: "Long", parent_slug: "north" }]), [
      `1 code ${long.slice(0, 100)}… is longer than 1000 bytes`,
    ]);
  });

  it("reports a cycle of regions, but not the regions below it", async () => {
    assert.deepEqual(
      await load("regions", [
        { slug: "a", name: "A", parent_slug: "b" },
        { slug: "b", name: "B", parent_slug: "c" },
        { slug: "c", name: "C", parent_slug: "a" },
        { slug: "below", name: "Below", parent_slug: "a" },
        { slug: "north", name: "North", parent_slug: "south" },
        { slug: "fine", name: "Fine", parent_slug: "south" },
      ]),
      [
        "1 parent_slug b makes the region its own ancestor",
        "2 parent_slug c makes the region its own ancestor",
        "3 parent_slug a makes the region its own ancestor",
        "5 parent_slug south makes the region its own ancestor",
      ],
    );
  });

  it("loads 20,000 regions that form one chain, and reports a cycle of 20,000 regions", async () => {
    const chain = Array.from({ length: 20_000 }, (_, at) => ({
      slug: `r${at}`,
      name: `Region ${at}`,
      ...(at > 0 ? { parent_slug: `r${at - 1}` } : {}),
    }));
    assert.equal(await load("regions", chain), 20_000);
    const cycle = await load("regions", [{ ...chain[0], parent_slug: "r19999" }, ...chain.slice(1)]);
    assert(Array.isArray(cycle));
    assert.equal(cycle.length, 100);
  });

  it("cannot form a cycle of regions with a concurrent batch: the second waits for a lock", async () => {
    const other = await database.connect("job_writer");
    await other.query("begin; set local lock_timeout = '100ms'");
    await inTransaction(async () => {
      const items = [{ slug: "x", name: "X", parent_slug: "north" }];
      await loadBatch(writer, batch("regions", { items }));
      await assert.rejects(
        loadBatch(other, batch("regions", { items: [{ slug: "north", name: "N", parent_slug: "south" }] })),
        { code: "55P03" },
      );
    });
  });

  it("is retryable if a missing port is added during its check", async () => {
    const client = Object.create(writer) as pg.Client;
    client.query = ((text: never, values?: never) =>
      String(text).startsWith("rollback to savepoint")
        ? admin.query("insert into ports values ('LATER', 'Late', 'north')").then(() => writer.query(text))
        : writer.query(text, values)) as unknown as pg.Client["query"];
    await inTransaction(() =>
      assert.rejects(loadBatch(client, batch("prices", { items: [{ ...price, orig_code: "LATER" }] })), {
        code: "SerializationConflict",
        retryable: true,
      }),
    );
  });

  it("closes its source when the job ends or the database fails", async () => {
    let openSources = 0;
    const endless = async function* () {
      openSources++;
      try {
        yield Buffer.from("orig_code,dest_code,day,price\n");
        // Like a file or the network: each chunk arrives through the event loop.
        for (;;) yield setImmediate(Buffer.from("AAAAA,BBBBB,2021-01-01,5\n".repeat(1_000)));
      } finally {
        openSources--;
      }
    };
    const job = new AbortController();
    await inTransaction(() =>
      assert.rejects(
        loadBatch(
          writer,
          batch(
            "prices",
            { format: "csv", bytes: endless() },
            { signal: job.signal, onProgress: ({ rows }) => rows > 5_000 && job.abort() },
          ),
        ),
        { name: "AbortError" },
      ),
    );
    assert.equal(openSources, 0, "after the job was ended");

    await writer.query("begin; set local statement_timeout = '10ms'");
    await assert.rejects(loadBatch(writer, batch("prices", { format: "csv", bytes: endless() })));
    await writer.query("rollback");
    assert.equal(openSources, 0, "after the database ended the statement");
  });

  it("fails with the error of its source, not with that of the aborted COPY", async () => {
    const error = new JobError("SourceUnreachable", { source: "s3://uploads/x", reason: "the line broke" });
    for (const rows of [0, 1, 100_000]) {
      const breaking = async function* () {
        yield Buffer.from("orig_code,dest_code,day,price\n");
        for (let row = 0; row < rows; row += 100) yield Buffer.from("AAAAA,BBBBB,2021-01-01,5\n".repeat(100));
        throw error;
      };
      await inTransaction(() =>
        assert.rejects(loadBatch(writer, batch("prices", { format: "csv", bytes: breaking() })), error),
      );
    }
  });

  it("reports its progress in rows and bytes", async () => {
    const reported: number[][] = [];
    const bytes = async function* () {
      yield Buffer.from(`orig_code,dest_code,day,price\n${"AAAAA,BBBBB,2021-01-01,5\n".repeat(1_000)}`);
      yield Buffer.from("AAAAA,BBBBB,2021-01-01,5\n");
    };
    await inTransaction(() =>
      loadBatch(
        writer,
        batch(
          "prices",
          { format: "csv", bytes: bytes() },
          { onProgress: ({ rows, bytes: read }) => void reported.push([rows, read]) },
        ),
      ),
    );
    assert.deepEqual(reported, [
      [1_000, 25_030],
      [1_001, 25_055],
      [1_001, 25_055],
    ]);
  });
});
