import assert from "node:assert/strict";
import { ListMultipartUploadsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { syncTracking } from "../dispatcher/syncTracking.ts";
import { testApi } from "../testing/api/api.ts";
import { Description } from "../testing/api/description.ts";
import { populatedApi, SECRET } from "../testing/api/populatedApi.ts";
import { VALID_REQUESTS } from "../testing/api/validRequests.ts";

describe("tenants of the API", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let acme: { authorization: string };
  let other: { authorization: string };
  before(async () => {
    p = await testApi();
    acme = await p.as("acme");
    other = await p.as("other");
    for (const requestId of ["waits", "ended"]) {
      const task = { type: "read", sql: "select 'secret of acme'" };
      await p.app.inject({ method: "POST", url: "/jobs", payload: { requestId, task }, headers: acme });
    }
    await p.app.inject({ method: "POST", url: "/jobs/ended/cancel", headers: acme });
    await syncTracking(p.context);
  });
  after(() => p.close());

  const call = (method: string, url: string, headers: object) =>
    p.app.inject({ method: method.toUpperCase() as "GET", url, headers: headers as Record<string, string> });
  const jobs = async () => (await p.admin.query("select * from jobs.jobs order by id")).rows;

  it("learn nothing about another tenant's job from any operation on it, not even its existence, and cannot change it", async () => {
    const { paths } = (await call("get", "/openapi.json", {})).json();
    const operations = Object.entries(paths as Record<string, object>)
      .filter(([path]) => path.startsWith("/jobs/{id}"))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method, path] as const));
    assert(operations.length >= 6, "every operation on a job is tried");
    const before = await jobs();
    for (const [method, path] of operations)
      for (const id of ["waits", "ended"]) {
        const foreign = await call(method, path.replace("{id}", id), other);
        const absent = await call(method, path.replace("{id}", "nowhere"), other);
        assert.equal(foreign.statusCode, 404, `${method} ${path}`);
        assert.equal(foreign.body.replaceAll(id, "nowhere"), absent.body, `${method} ${path}`);
        const named = await call(method, `${path.replace("{id}", id)}?tenant=acme`, other);
        assert.deepEqual([named.statusCode, named.json().type], [403, "Forbidden"], `${method} ${path}`);
      }
    assert.deepEqual(await jobs(), before);
  });

  it("find and count only their own jobs", async () => {
    for (const query of ["", "?text=secret", "?status=CANCELLED", "?sort=totalMs&order=asc"]) {
      assert.deepEqual((await call("get", `/jobs${query}`, other)).json().jobs, [], query);
      assert.notEqual((await call("get", `/jobs${query}`, acme)).json().jobs.length, 0, query);
    }
    assert.equal((await call("get", "/stats", other)).json().total, 0);
    assert.equal((await call("get", "/stats", acme)).json().total, 2);
  });

  it("have separate ids: the same id names another job", async () => {
    const payload = { requestId: "waits", task: { type: "read", sql: "select 2" } };
    const response = await p.app.inject({ method: "POST", url: "/jobs", payload, headers: other });
    assert.deepEqual([response.statusCode, response.json().tenant], [202, "other"]);
    assert.match((await call("get", "/jobs/waits", acme)).body, /secret of acme/);
  });
});

describe("another tenant's token", function () {
  this.slow(2_000);

  it("sees and changes nothing of acme through any operation", async function () {
    this.timeout(60_000);
    const p = await populatedApi();
    try {
      const { operations } = await Description.of(p.app);
      const other = await p.as("other");
      const acmeData = async () => [
        (await p.admin.query("select * from jobs.jobs where tenant = 'acme' order by id")).rows,
        (await p.admin.query("select * from jobs.tokens where tenant = 'acme' order by id")).rows,
        (await p.s3.send(new ListMultipartUploadsCommand({ Bucket: "uploads" }))).Uploads?.map(({ Key }) => Key),
        (await p.s3.send(new ListObjectsV2Command({ Bucket: "results" }))).Contents?.map(({ Key, ETag }) => [
          Key,
          ETag,
        ]),
      ];
      const before = await acmeData();
      for (const { id, method } of operations) {
        const make = VALID_REQUESTS[id];
        assert(make, `testing/api/validRequests.ts needs a request for ${id}`);
        const { url, payload } = make(p.known);
        for (const [tenant, headers] of [
          ["other", other],
          ["nobody", {}],
        ] as const) {
          const response = await p.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
          assert.doesNotMatch(response.body + JSON.stringify(response.headers), new RegExp(SECRET), `${tenant}: ${id}`);
          const namesId = Object.values(p.known).some((id) => typeof id === "string" && url.includes(`/${id}`));
          if (namesId && tenant === "other")
            assert([403, 404].includes(response.statusCode), `${id}: ${response.body}`);
        }
      }
      // The same requests return data to acme itself.
      const seen = (await p.app.inject({ url: "/jobs?text=secret", headers: p.acme })).body;
      assert.match(seen, new RegExp(SECRET));
      assert.deepEqual(await acmeData(), before);
    } finally {
      await p.close();
    }
  });
});
