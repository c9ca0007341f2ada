import assert from "node:assert/strict";
import { planSubnets } from "./subnets.ts";

describe("planSubnets", () => {
  it("gives each zone an equal share, and each type of subnet its mask", () => {
    const specs = [
      { type: "Public", cidrMask: 24 },
      { type: "Private", cidrMask: 20 },
    ];
    const subnets = planSubnets("net", "10.0.0.0/16", ["a", "b", "c"], specs);
    assert.deepEqual(
      subnets.map(({ name, cidr }) => [name, cidr]),
      [
        ["net-public-1", "10.0.0.0/24"],
        ["net-private-1", "10.0.16.0/20"],
        ["net-public-2", "10.0.64.0/24"],
        ["net-private-2", "10.0.80.0/20"],
        ["net-public-3", "10.0.128.0/24"],
        ["net-private-3", "10.0.144.0/20"],
      ],
    );
  });

  it("refuses subnets that do not fit", () => {
    const specs = [{ type: "Public", cidrMask: 17 }, { type: "Private" }];
    assert.throws(
      () => planSubnets("net", "10.0.0.0/16", ["a", "b"], specs),
      /too large for VPC 10\.0\.0\.0\/16 in 2 zones/,
    );
  });
});
