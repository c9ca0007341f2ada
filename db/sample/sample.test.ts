import assert from "node:assert/strict";
import { migratedDatabase } from "../testing/database.ts";
import { loadSample } from "./load.ts";
import { places } from "./places.ts";
import { DEFAULT_SIZE, priceLines } from "./prices.ts";

const rows = (prices: number, seed = 1) =>
  [...priceLines(places().ports, { prices, seed })].join("").split("\n").slice(0, -1);

describe("the sample", () => {
  it("has about 150 ports with distinct codes, in about 20 regions of two to four levels", () => {
    const { regions, ports } = places();
    assert.ok(ports.length >= 140 && ports.length <= 160, String(ports.length));
    assert.ok(regions.length >= 18 && regions.length <= 25, String(regions.length));
    assert.equal(new Set(ports.map(({ code }) => code)).size, ports.length);
    for (const { code, name } of ports) assert.match(`${code} ${name}`, /^[A-Z]{5} \p{Lu}[^\t\\]+$/u);
    const parents = new Map(regions.map(({ slug, parent }) => [slug, parent]));
    const depth = (slug: string | null | undefined): number =>
      slug === null || slug === undefined ? 0 : 1 + depth(parents.get(slug));
    assert.deepEqual([...new Set(ports.map(({ region }) => depth(region)))].sort(), [2, 3, 4]);
    for (const { region } of ports) assert.ok(parents.has(region), region);
  });

  for (const count of [0, 1, 999, 56_000, 300_000]) {
    it(`has exactly ${count} prices if ${count} are requested`, () => assert.equal(rows(count).length, count));
  }

  it("is the same for the same seed, and differs for another", () => {
    assert.deepEqual(rows(5_000, 7), rows(5_000, 7));
    assert.notDeepEqual(rows(5_000, 7), rows(5_000, 8));
  });

  it("yields prices in the order of the index, in small chunks", () => {
    const keys = rows(56_000).map((row) => row.slice(0, row.lastIndexOf("\t")));
    assert.deepEqual(keys, [...keys].sort());
    for (const chunk of priceLines(places().ports, { prices: 300_000, seed: 1 })) assert.ok(chunk.length < 200_000);
  });

  it("has lanes with full, thin and missing days, as real prices have", () => {
    const lanes = new Map<string, Map<string, number>>();
    for (const row of rows(DEFAULT_SIZE.prices)) {
      const [orig, dest, day = ""] = row.split("\t");
      const lane = lanes.get(`${orig}-${dest}`) ?? new Map<string, number>();
      lanes.set(`${orig}-${dest}`, lane.set(day, (lane.get(day) ?? 0) + 1));
    }
    assert.ok(lanes.size > 600 && lanes.size < 900, String(lanes.size));
    const all = [...lanes.values()];
    const days = all.flatMap((lane) => [...lane.values()]);
    const averaged = days.filter((prices) => prices >= 3).length / (lanes.size * 31);
    assert.ok(averaged > 0.5 && averaged < 0.8, String(averaged));
    assert.ok(days.filter((prices) => prices < 3).length > 1000);
    assert.ok(all.filter((lane) => lane.size < 15).length > 20, "sparse lanes");
    assert.ok(all.some((lane) => lane.size === 31));
  });

  it("loads into a migrated database, and passes every reference and check", async () => {
    const database = await migratedDatabase();
    try {
      const client = await database.connect();
      await loadSample(client, { prices: 3_000, seed: 2 });
      const { rows: totals } = await client.query(
        "select (select count(*)::int from prices) prices, (select count(*)::int from ports) ports, (select min(price) > 0 from prices) positive",
      );
      assert.deepEqual(totals, [{ prices: 3_000, ports: places().ports.length, positive: true }]);
      // A second load repeats the ports, so it is rolled back.
      await assert.rejects(loadSample(client, { prices: 10, seed: 3 }), { code: "23505" });
      assert.equal((await client.query("select from prices")).rowCount, 3_000);
    } finally {
      await database.drop();
    }
  });
});
