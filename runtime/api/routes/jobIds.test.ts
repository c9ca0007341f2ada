import assert from "node:assert/strict";
import { testApi } from "../../testing/api/api.ts";

describe("GET /job-ids", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let acme: { authorization: string };
  before(async () => {
    p = await testApi();
    acme = await p.as("acme");
    for (const requestId of ["5493b3e1-a", "5493b3e1-b", "5493c", "b_1", "bx1", "B.2"]) await submit(requestId, acme);
    await submit("5493b3e1-theirs", await p.as("other"));
  });
  after(() => p.close());

  const submit = async (requestId: string, headers: { authorization: string }) => {
    const payload = { requestId, task: { type: "read", sql: "select 1" } };
    assert.equal((await p.app.inject({ method: "POST", url: "/jobs", payload, headers })).statusCode, 202);
  };
  const find = async (query: string, headers = acme) => {
    const { statusCode, body } = await p.app.inject({ url: `/job-ids${query}`, headers });
    assert.equal(statusCode, 200, body);
    const { ids, more } = JSON.parse(body);
    return { ids: ids.map(({ requestId }: { requestId: string }) => requestId), more };
  };

  it("finds ids by prefix, of the caller's tenant only", async () => {
    assert.deepEqual(await find("?prefix=5493b3e1"), { ids: ["5493b3e1-a", "5493b3e1-b"], more: false });
    assert.deepEqual(await find("?prefix=5493&limit=2"), { ids: ["5493b3e1-a", "5493b3e1-b"], more: true });
    assert.deepEqual(await find("?prefix=5493c"), { ids: ["5493c"], more: false });
    assert.deepEqual(await find("?prefix=none"), { ids: [], more: false });
  });

  it("treats every character of a prefix literally", async () => {
    assert.deepEqual((await find("?prefix=b_")).ids, ["b_1"]);
    assert.deepEqual((await find("?prefix=B.")).ids, ["B.2"]);
    for (const prefix of ["%25", "_", "a%25", "%27"])
      assert.equal((await p.app.inject({ url: `/job-ids?prefix=${prefix}`, headers: acme })).statusCode, 400, prefix);
  });

  it("returns the newest jobs without a prefix, including those not yet searchable", async () => {
    assert.deepEqual(await find("?limit=1"), { ids: ["B.2"], more: true });
    const all = await find("");
    assert.deepEqual([all.ids.length, all.ids[0], all.ids.at(-1), all.more], [6, "B.2", "5493b3e1-a", false]);
  });

  it("finds ids of another tenant for admins only", async () => {
    const admin = await p.as("ops", "admin", "read");
    assert.deepEqual((await find("?limit=1&tenant=other", admin)).ids, ["5493b3e1-theirs"]);
    assert.equal((await p.app.inject({ url: "/job-ids?tenant=other", headers: acme })).statusCode, 403);
  });
});
