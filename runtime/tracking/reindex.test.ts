import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { JobError } from "../contract/errors.ts";
import { accept, cancel } from "../store/jobs.ts";
import { jobDatabase, newJob } from "../testing/jobs.ts";
import { PostgresTracking } from "./postgres.ts";
import { rebuild } from "./reindex.ts";
import type { TrackingStore } from "./store.ts";

const PROGRAM = fileURLToPath(new URL("reindex.ts", import.meta.url));

describe("the rebuild of a tracking store from the jobs", () => {
  let d: Awaited<ReturnType<typeof jobDatabase>>;
  let db: Awaited<ReturnType<typeof d.as>>;
  let store: TrackingStore;
  beforeEach(async () => {
    d = await jobDatabase();
    db = await d.as("dispatcher");
    store = new PostgresTracking(db);
  });
  afterEach(() => d.close());

  const jobs = (count: number) =>
    accept(
      db,
      Array.from({ length: count }, (_, index) => newJob(`job-${index}`)),
    );
  const total = async () => (await store.summarize({})).total;
  const failingStore = (fail: () => boolean): TrackingStore => ({
    put: (documents) =>
      fail() ? Promise.reject(new JobError("TrackingUnavailable", { reason: "down." })) : store.put(documents),
    get: (tenant, requestId) => store.get(tenant, requestId),
    search: (search) => store.search(search),
    summarize: (filter) => store.summarize(filter),
    expire: (before) => store.expire(before),
  });

  it("writes the documents that the dispatcher writes", async () => {
    await jobs(1);
    await cancel(await d.as("api_reader"), "default", "job-0");
    const { rows } = await d.admin.query("select document from jobs.untracked_batch(10)");
    await rebuild(db, store);
    assert.deepEqual(await store.get("default", "job-0"), rows[0].document);
  });

  it("writes every job's document in batches, and reports progress", async () => {
    await jobs(1_200);
    const sizes: number[] = [];
    const recordingStore: TrackingStore = {
      ...failingStore(() => false),
      put(all) {
        sizes.push(all.length);
        return store.put(all);
      },
    };
    const progressCalls: [number, number][] = [];
    const done = await rebuild(db, recordingStore, { progress: (...counts) => progressCalls.push(counts) });
    assert.deepEqual(done, { written: 1_200, refused: [] });
    assert.deepEqual(sizes, [500, 500, 200]);
    assert.deepEqual(progressCalls, [
      [500, 1_200],
      [1_000, 1_200],
      [1_200, 1_200],
    ]);
    assert.equal(await total(), 1_200);
  });

  it("does not overwrite a document that a dispatcher has updated meanwhile", async () => {
    await jobs(1);
    const overtakenStore: TrackingStore = {
      ...failingStore(() => false),
      async put(documents) {
        await cancel(await d.as("api_reader"), "default", "job-0");
        const { rows } = await db.query("select version, document from jobs.documents");
        await store.put([{ version: Number(rows[0].version), document: rows[0].document }]);
        return store.put(documents);
      },
    };
    await rebuild(db, overtakenStore);
    assert.equal((await store.get("default", "job-0"))?.status, "CANCELLED");
  });

  it("retries a failing store, and stops after the last pause", async () => {
    await jobs(3);
    let failures = 2;
    const pauses = [0, 0, 0];
    await rebuild(
      db,
      failingStore(() => failures-- > 0),
      { pauses },
    );
    assert.equal(await total(), 3);
    let calls = 0;
    await assert.rejects(
      rebuild(
        db,
        failingStore(() => ++calls > 0),
        { pauses },
      ),
      /down\./,
    );
    assert.equal(calls, 4);
  });

  it("retries documents that were not accepted, and reports permanently refused ones", async () => {
    await jobs(4);
    const batches: string[][] = [];
    const rejectingStore: TrackingStore = {
      ...failingStore(() => false),
      async put(documents) {
        batches.push(documents.map(({ document }) => document.requestId));
        const busy = batches.length < 3 ? ["job-2"] : [];
        return documents.flatMap(({ document: { requestId } }, index) => {
          const final = requestId === "job-1";
          return final || busy.includes(requestId) ? [{ index, reason: final ? "400 wrong" : "429 busy", final }] : [];
        });
      },
    };
    const { written, refused } = await rebuild(db, rejectingStore, { pauses: [0, 0, 0, 0, 0] });
    assert.deepEqual(batches, [
      ["job-0", "job-1", "job-2", "job-3"],
      ["job-1", "job-2"],
      ["job-1", "job-2"],
    ]);
    assert.equal(written, 3);
    assert.deepEqual(refused, [{ tenant: "default", requestId: "job-1", reason: "400 wrong" }]);
  });

  it("reports a wrong option or data directory without a stack trace, and exits with 2", async () => {
    for (const [args, message] of [
      [["--bogus"], /Unknown option '--bogus'/],
      [["--data-dir", "nowhere"], /nowhere\/platform\.json/],
    ] as const)
      await assert.rejects(promisify(execFile)(process.execPath, [PROGRAM, ...args]), (error) => {
        const { code, stderr } = error as Error & { code: number; stderr: string };
        assert.equal(code, 2);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /^ {4}at /m);
        return true;
      });
  });

  it("runs as a program, with the database's address from the environment", async () => {
    await jobs(7);
    const env = { ...process.env, ...d.database.env, RATES_SETTINGS: "{}" };
    const { stderr } = await promisify(execFile)(process.execPath, [PROGRAM], { env });
    assert.match(stderr, /^7 documents written in/m);
    assert.equal(await total(), 7);
  });
});
