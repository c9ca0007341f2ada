import assert from "node:assert/strict";
import { syncRejected } from "../../dispatcher/syncRejected.ts";
import { testApi } from "../../testing/api/api.ts";

const read = { type: "read", query: "price_export" };

describe("requests over HTTP", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let headers: { authorization: string };
  before(async () => {
    p = await testApi();
    headers = await p.as("acme");
  });
  after(() => p.close());

  const post = (url: string, payload: object = {}) => p.app.inject({ method: "POST", url, payload, headers });
  const get = (url: string, as = headers) => p.app.inject({ method: "GET", url, headers: as });

  it("are stored when rejected, listed by status, and shown to their tenant only", async () => {
    const refused = await post("/jobs", { requestId: "bad", priority: 11, task: read });
    assert.equal(refused.statusCode, 400);
    await syncRejected(p.context);
    const { jobs } = (await get("/jobs?status=REJECTED")).json();
    assert.deepEqual(
      jobs.map(({ requestId, source, status }: Record<string, unknown>) => [requestId, source, status]),
      [["bad", "http", "REJECTED"]],
    );
    const [{ rejectedId }] = jobs;
    const shown = await get(`/rejected/${rejectedId}`);
    assert.equal(shown.statusCode, 200);
    assert.deepEqual(
      [shown.json().error.details[0].field, JSON.parse(shown.json().body).requestId],
      ["priority", "bad"],
    );
    assert.equal((await get(`/rejected/${rejectedId}`, await p.as("other"))).statusCode, 404);
    assert.deepEqual((await get("/jobs")).json().jobs, []);
    assert.equal((await p.receive(p.context.queues.responses)).length, 0, "the HTTP call itself got the response");
  });

  it("are listed by cause with first and last time, filtered and paged", async () => {
    const other = await p.as("lists");
    const send = (payload: object) => p.app.inject({ method: "POST", url: "/jobs", payload, headers: other });
    for (const requestId of ["one", "two", "two", "three"]) await send({ requestId, priority: 11, task: read });
    await send({ requestId: "one", priority: 1, task: { ...read, query: "no_such_query" } });
    const list = async (search = "", as = other) => (await get(`/rejected${search}`, as)).json();
    const { total, isMore, causes, rejected } = await list();
    assert.deepEqual([total, isMore, causes.length], [4, false, 1]);
    assert.deepEqual([causes[0].type, causes[0].count, causes[0].copies], ["InvalidRequest", 4, 5]);
    assert(causes[0].firstSeenAt <= causes[0].lastSeenAt);
    const two = rejected.find(({ requestId }: { requestId: string }) => requestId === "two");
    assert.deepEqual([two.copies, JSON.parse(two.body).priority, two.source], [2, 11, "http"]);
    assert.match(two.problem, /^priority must be at most 9\.$/);
    assert(two.firstSeenAt <= two.lastSeenAt);
    assert.equal((await list("?text=NO_SUCH")).total, 1);
    assert.equal((await list("?type=RequestIdConflict")).total, 0);
    assert.equal((await list("?source=queue")).total, 0);
    assert.equal((await list("?until=2020-01-01T00:00:00Z")).total, 0);
    assert.equal((await list("?since=2020-01-01T00:00:00Z")).total, 4);
    assert.equal((await list(`?prefix=${two.rejectedId.slice(0, 12)}`)).rejected[0].requestId, "two");
    const first = (await list("?limit=3")).rejected;
    const next = (await list(`?limit=3&before=${first[2].rejectedId}`)).rejected;
    assert.deepEqual(
      [...first, ...next].map(({ rejectedId }) => rejectedId),
      rejected.map(({ rejectedId }: { rejectedId: string }) => rejectedId),
    );
    assert.equal((await get("/rejected?tenant=lists")).statusCode, 403);
    assert.equal((await list("?tenant=lists", await p.as("ops", "admin"))).total, 4);
    assert((await list("", await p.as("ops", "admin"))).total > 4, "an admin sees those of all tenants");
  });

  it("get an error with 100 problems and the number of further ones", async () => {
    const fields = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`unknown${index}`, 1]));
    const { problems, furtherProblems } = (await post("/jobs", { ...fields, task: read })).json();
    assert.deepEqual([problems.length, furtherProblems], [100, 150]);
  });

  it("get a reply on the queue only if they request one; a retry keeps the reply of its job", async () => {
    const replyOf = async (id: string) =>
      (await p.admin.query("select reply from jobs.jobs where request_id = $1", [id])).rows[0].reply;
    for (const [id, reply] of [
      ["plain", undefined],
      ["asks", "queue"],
    ] as const) {
      assert.equal((await post("/jobs", { requestId: id, task: read, ...(reply ? { reply } : {}) })).statusCode, 202);
      await post(`/jobs/${id}/cancel`);
      assert.equal((await post(`/jobs/${id}/retry`)).statusCode, 202);
      assert.deepEqual([await replyOf(id), await replyOf(`${id}.retry-1`)], [reply ?? "none", reply ?? "none"]);
      assert.equal((await get(`/jobs/${id}/response`)).json().status, "CANCELLED");
    }
  });

  it("get the response of an ended job on the queue if they repeat its request with reply queue", async () => {
    await post("/jobs", { requestId: "again", task: read });
    await post("/jobs/again/cancel");
    const acme = p.context.queues.tenants.acme ?? "";
    await p.receive(acme);
    assert.equal((await post("/jobs", { requestId: "again", task: read, reply: "queue" })).statusCode, 200);
    const bodies = (await p.receive(acme)).map(({ Body }) => Body);
    assert.deepEqual(bodies, [(await get("/jobs/again/response")).body]);
  });
});
