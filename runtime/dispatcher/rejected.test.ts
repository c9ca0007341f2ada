import assert from "node:assert/strict";
import { excerptOf } from "../requests/rejected.ts";
import { accept } from "../store/jobs.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { newJob } from "../testing/jobs.ts";
import { rebuild } from "../tracking/reindex.ts";
import { expire } from "./maintenance.ts";
import { handleRequests } from "./requests.ts";
import { syncRejected } from "./syncRejected.ts";
import { reindexAll, syncTracking } from "./syncTracking.ts";

const read = { type: "read", query: "price_export" };

describe("rejected requests", () => {
  let d: Awaited<ReturnType<typeof testDispatcher>>;
  beforeEach(async () => {
    d = await testDispatcher();
  });
  afterEach(() => d.close());

  const rejected = async () =>
    (await d.context.tracking.search({ status: ["REJECTED"], limit: 10 })).documents as unknown as (Record<
      string,
      unknown
    > & {
      error: { type: string; details: { field: string }[] };
      body: string;
    })[];

  it("are stored with body and problems, and found by status, text and tenant; their id stays unused", async () => {
    const url = "https://user:SECRET@h/a b?sig=SECRET";
    const task = { type: "update", target: "prices", source: { url } };
    await handleRequests(d.context, sqsEvent({ requestId: "a", tenant: "acme", labels: { team: "Pelican" }, task }));
    await handleRequests(d.context, sqsEvent({ requestId: "a", tenant: "acme", task: read }));
    await syncTracking(d.context);
    assert.equal(await syncRejected(d.context), 1);
    const [document, ...more] = await rejected();
    assert.deepEqual([document?.requestId, document?.status, document?.source, more], ["a", "REJECTED", "queue", []]);
    assert.deepEqual([document?.error.type, document?.error.details[0]?.field], ["InvalidRequest", "task.source.url"]);
    assert.match(document?.body ?? "", /https:\/\/h\/a%20b…/);
    assert(!JSON.stringify(document).includes("SECRET"), JSON.stringify(document));
    const search = async (filter: object) =>
      (await d.context.tracking.search({ limit: 10, ...filter })).documents.map(({ status }) => status);
    assert.deepEqual(await search({ text: "pelican", status: ["REJECTED"] }), ["REJECTED"]);
    assert.deepEqual(await search({ tenant: "acme", status: ["REJECTED"] }), ["REJECTED"]);
    assert.deepEqual(await search({ tenant: "other", status: ["REJECTED"] }), []);
    assert.deepEqual(await search({}), ["PENDING"], "jobs are listed without rejected requests");
    assert.deepEqual((await d.context.tracking.summarize({})).byStatus, { PENDING: 1 });
  });

  it("are stored for a conflict too, and counted as copies when repeated", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: read }));
    const conflict = sqsEvent({ requestId: "a", task: { ...read, format: "json" } });
    await handleRequests(d.context, conflict);
    await syncRejected(d.context);
    await handleRequests(d.context, conflict);
    assert.equal(await syncRejected(d.context), 1);
    assert.deepEqual(
      (await rejected()).map(({ error, copies }) => [error.type, copies]),
      [["RequestIdConflict", 2]],
    );
  });

  it("are counted as copies if two transactions store the same request concurrently", async () => {
    const reject = "select jobs.reject('x', 'default', 'a', 'queue', '{}', '{}')";
    await d.admin.query(`begin; ${reject}`);
    const second = d.context.db.query(reject);
    const blocked = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while ((await d.context.db.query(blocked)).rows.length === 0);
    await d.admin.query("commit");
    await second;
    assert.deepEqual((await d.admin.query("select copies from jobs.rejected")).rows, [{ copies: 2 }]);
  });

  it("are stored without a response if they request no reply", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", reply: "none", task: {} }));
    assert.deepEqual(await d.receive(d.context.queues.responses), []);
    assert.equal((await d.admin.query("select from jobs.rejected")).rows.length, 1);
  });

  it("are only counted past 1,000 per tenant and day, and still get a response", async () => {
    await d.admin.query(
      "insert into jobs.rejected_days values ('default', (jobs.clock() at time zone 'utc')::date, 999)",
    );
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: {} }));
    await handleRequests(d.context, sqsEvent({ requestId: "b", task: {} }));
    const { rows } = await d.admin.query(
      "select (select count(*)::int from jobs.rejected) as kept, requests::int from jobs.rejected_days",
    );
    assert.deepEqual(rows, [{ kept: 1, requests: 1_001 }]);
    assert.equal((await d.receive(d.context.queues.responses)).length, 2);
  });

  it("are deleted with old jobs, in the tracking store too", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: {} }));
    await d.admin.query(
      "update jobs.rejected set created_at = created_at - interval '90 days'; update jobs.rejected_days set day = day - 90",
    );
    await syncRejected(d.context);
    await expire(d.context);
    assert.deepEqual(await rejected(), []);
    const { rows } = await d.admin.query("select from jobs.rejected union all select from jobs.rejected_days");
    assert.equal(rows.length, 0);
  });

  it("are deleted later if the tracking store is unavailable when they expire", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: {} }));
    await d.admin.query("update jobs.rejected set created_at = created_at - interval '90 days'");
    await syncRejected(d.context);
    const { tracking } = d.context;
    const expireDocuments = tracking.expire.bind(tracking);
    tracking.expire = () => Promise.reject(new Error("no route"));
    await assert.rejects(expire(d.context), /no route/);
    assert.equal((await rejected()).length, 1);
    tracking.expire = expireDocuments;
    await expire(d.context);
    assert.deepEqual(await rejected(), []);
  });

  it("are written again to a store that lost its data, by ticks and by a rebuild", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: {} }));
    await accept(d.context.db, [newJob("b")]);
    await syncRejected(d.context);
    await d.admin.query("delete from tracking.documents");
    assert.equal(await reindexAll(d.context.db), 2);
    assert.equal(await reindexAll(d.context.db), 2, "documents that already wait for a write count too");
    assert.equal(await syncRejected(d.context), 1);
    await d.admin.query("delete from tracking.documents");
    assert.equal((await rebuild(d.context.db, d.context.tracking)).written, 2);
    assert.equal((await rejected()).length, 1);
  });

  it("wait without blocking others if the store refuses their document", async () => {
    await handleRequests(d.context, sqsEvent({ requestId: "a", task: {} }, { requestId: "b", task: {} }));
    const { tracking } = d.context;
    const put = tracking.put.bind(tracking);
    tracking.put = async (documents) => {
      const index = documents.findIndex(({ document }) => document.requestId === "a");
      await put(documents.filter((_, at) => at !== index));
      return index < 0 ? [] : [{ index, reason: "refused", final: true }];
    };
    assert.equal(await syncRejected(d.context), 1);
    assert.equal(await syncRejected(d.context), 0, "it waits");
    tracking.put = put;
    await d.admin.query("update jobs.rejected set not_before = jobs.clock()");
    assert.equal(await syncRejected(d.context), 1);
  });
});

describe("the stored beginning of a request", () => {
  it("has at most 4,000 characters, whatever the request's form", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 20_000; level++) deep = { deep };
    const shapes = [
      deep,
      "x".repeat(1e6),
      { ["n".repeat(1e6)]: "x".repeat(1e6) },
      Array.from({ length: 100_000 }, () => ["x".repeat(99)]),
      Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`n${index}`, { a: { b: [index] } }])),
      { a: "\0\uD800\uFFFF" },
    ];
    for (const shape of shapes) {
      const text = excerptOf(shape);
      assert(text.length <= 4_000 && text.isWellFormed() && !text.includes("\0"), text.slice(0, 100));
    }
    assert.equal(excerptOf({ a: [1, "b", null] }), '{"a":[1,"b",null]}');
  });

  it("omits credentials and query strings of URLs", () => {
    for (const url of [
      "https://h/p?sig=SECRET",
      "https://h/a b?sig=SECRET",
      "https:\\\\h\\p?sig=SECRET",
      "https://user:SECRET/x@h/",
      "https://user:SECRET@h/p",
      "https:user:SECRET@h/p",
      "copy from https://h/p https://u:SECRET@h/p",
    ]) {
      const excerpt = excerptOf({ source: { url }, [url]: 1, list: [url.padEnd(5_000, "x")] });
      assert(!excerpt.includes("SECRET"), excerpt);
    }
    const long = `https://user:SECRET${"x".repeat(5_000)}@h/`;
    assert(!excerptOf([long]).includes("SECRET"));
    assert.equal(excerptOf("a?b#c@d"), '"a?b#c@d"');
  });
});
