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
  it("are positive, with a source and the month of its check or `unverified`", () => {
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
    assert.match(priceSources([price("unverified"), price("unverified")]), /^None of the 2 prices has been compared/);
    assert.match(priceSources([price("2026-11"), price("unverified")]), /^Not yet compared .*: 1 of the 2 prices/);
    assert.match(priceSources([price("2026-11")]), /^Each price was compared .* in 2026-11\.$/);
    assert.ok(pageOf("stacks/README.md").current.includes(priceSources(allPrices())));
  });

  it("count the endpoints that the network creates without NAT", () => {
    const { config, plan } = planStack(
      rawConfig((base) => ({ ...base, network: { ...base.network, nat: "none" } })),
      "dev",
    );
    assert(config && plan);
    const labels = costOf(config, plan).fixed.map(({ label }) => label);
    assert.ok(labels.includes(`${ENDPOINTS.length} endpoints in 2 zones`), labels.join(", "));
  });
});
