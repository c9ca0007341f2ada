import assert from "node:assert/strict";
import { planStack } from "../../stacks/config/parse.ts";
import { pageOf } from "../../stacks/docs/pages.ts";
import { costOf } from "../../stacks/planning/cost.ts";
import { priceSources } from "../../stacks/planning/costTable.ts";
import { rawConfig } from "../../stacks/testing/config.ts";
import { ENDPOINTS } from "../network.ts";
import { allPrices, type Price } from "./prices.ts";

const price = (checked: Price["source"]["checked"]): Price => ({
  usd: 1,
  per: "hour",
  source: { document: "a page", checked },
});

describe("prices", () => {
  it("are positive, with a source and the month in which it was checked", () => {
    assert.ok(allPrices().length > 50);
    for (const { usd, source } of allPrices()) {
      assert.ok(usd > 0);
      assert.match(source.document, / pricing\b/);
      assert.match(source.checked, /^(unverified|\d{4}-\d{2})$/);
      const published = / of (\d{4}-\d{2}-\d{2}),/.exec(source.document)?.[1];
      assert.equal(published !== undefined, source.checked !== "unverified", source.document);
    }
  });

  it("are described in stacks/README.md with the number of unverified ones", () => {
    assert.match(priceSources([price("unverified"), price("unverified")]), /^none of the 2 has been compared/);
    assert.match(priceSources([price("2026-11"), price("unverified")]), /^1 of the 2 are not yet compared/);
    assert.match(priceSources([price("2026-11")]), /^each was compared .* in 2026-11$/);
    assert.ok(pageOf("stacks/README.md").current.includes(priceSources(allPrices())));
  });

  it("count the endpoints that the network creates without NAT", () => {
    const { config, plan } = planStack(
      rawConfig((it) => ({ ...it, network: { ...it.network, nat: "none" } })),
      "dev",
    );
    assert(config && plan);
    const lines = costOf(config, plan).fixed.map(({ label: what }) => what);
    assert.ok(lines.includes(`${ENDPOINTS.length} endpoints in 2 zones`), lines.join(", "));
  });
});
