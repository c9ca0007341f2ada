import assert from "node:assert/strict";
import { testApi } from "../../testing/api/api.ts";

describe("GET /places", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi();
    await p.admin.query(
      "insert into public.regions (slug, name) values ('baltic_x', 'Baltic X'), ('zz_north', 'North of the Baltic X'), ('aa_lower', 'Baltic_lower')",
    );
  });
  after(() => p.close());
  const find = async (search: string) =>
    p.app.inject({ url: `/places?${search}`, headers: await p.as("acme", "read") });

  it("finds places by part of code or name: places whose code begins with the text come first, then those whose name does", async () => {
    const found = async (text: string) =>
      (await find(`text=${text}`)).json().places.map(({ code, kind }: { code: string; kind: string }) => [code, kind]);
    assert.deepEqual(await found("BALTIC+x"), [
      ["baltic_x", "region"],
      ["zz_north", "region"],
    ]);
    assert.deepEqual(await found("BALTIC_"), [
      ["baltic_x", "region"],
      ["aa_lower", "region"],
    ]);
    assert.equal((await find("text=baltic&limit=1")).json().places.length, 1);
    assert.deepEqual((await find("text=%25")).json(), { places: [] }, "% is not a wildcard");
    assert.equal((await find("text=%00")).json().problems[0].message, "must be text without NUL characters.");
  });

  it("without a text, returns the ports with the most prices as origin first, at most the limit", async () => {
    await p.admin.query(
      `insert into public.ports (code, name, parent_slug) values ('AAAAA', 'Rarely used', 'baltic_x'), ('ZZZZY', 'Used', 'baltic_x'), ('ZZZZZ', 'Used most', 'baltic_x');
       insert into public.prices (orig_code, dest_code, day, price)
         select case when n % 3 = 0 then 'ZZZZY' else 'ZZZZZ' end, 'AAAAA', '2021-01-01', 100 from generate_series(1, 99999) n;
       analyze public.prices`,
    );
    for (const search of ["limit=2", "text=&limit=2"]) {
      const { places } = (await find(search)).json();
      assert.deepEqual(
        places.map(({ code }: { code: string }) => code),
        ["ZZZZZ", "ZZZZY"],
        search,
      );
    }
    assert.ok((await find("")).json().places.length <= 20);
  });

  it("requires the scope read", async () => {
    const headers = await p.as("acme", "submit");
    assert.equal((await p.app.inject({ url: "/places?text=a", headers })).statusCode, 403);
  });
});
