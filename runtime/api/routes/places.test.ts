import assert from "node:assert/strict";
import { testApi } from "../../testing/api/api.ts";

describe("GET /places", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi();
    await p.admin.query(
      "insert into public.regions (slug, name) values ('baltic_x', 'Baltic X'), ('zz_north', 'North of the Baltic X')",
    );
  });
  after(() => p.close());
  const find = async (search: string) =>
    p.app.inject({ url: `/places?${search}`, headers: await p.as("acme", "read") });

  it("finds places by part of code or name, matches at the beginning of the code first", async () => {
    const { places } = (await find("text=BALTIC+x")).json();
    assert.deepEqual(
      places.map(({ code, kind }: { code: string; kind: string }) => [code, kind]),
      [
        ["baltic_x", "region"],
        ["zz_north", "region"],
      ],
    );
    assert.equal((await find("text=baltic&limit=1")).json().places.length, 1);
    assert.deepEqual((await find("text=%25")).json(), { places: [] }, "no pattern of LIKE");
  });

  it("requires a text and the scope read", async () => {
    assert.equal((await find("")).statusCode, 400);
    const headers = await p.as("acme", "submit");
    assert.equal((await p.app.inject({ url: "/places?text=a", headers })).statusCode, 403);
  });
});
