import assert from "node:assert/strict";
import { exemptionOf } from "./commonSettings.ts";

const URN = "urn:pulumi:dev::shop::aws:rds/instance:Instance::db";
const until = (day: string, reason = "moves") => ({ urn: URN, reason, until: day });
const exemptionAt = (time: string, ...exempt: unknown[]) => exemptionOf(URN, { exempt }, new Date(time));

describe("exemptions", () => {
  it("apply until the end of their last day in UTC, in any time zone", () => {
    for (const time of [
      "2026-12-30T00:00:00Z",
      "2026-12-31T00:00:00Z",
      "2026-12-31T23:59:59.999Z",
      "2027-01-01T08:59:00+09:00",
    ])
      assert.equal(exemptionAt(time, until("2026-12-31")), "exempt", time);
    for (const time of ["2027-01-01T00:00:00Z", "2026-12-31T20:00:00-05:00"])
      assert.equal(
        exemptionAt(time, until("2026-12-31")),
        "Its exemption (moves) ended on 2026-12-31: fix the resource, or renew the exemption.",
        time,
      );
  });

  it("count as renewed when another exemption of the same resource lasts longer", () => {
    const overlapping = [until("2026-01-31", "first"), until("2026-06-30", "renewed")];
    for (const exempt of [overlapping, overlapping.toReversed()]) {
      assert.equal(exemptionAt("2026-03-01T12:00:00Z", ...exempt), "exempt");
      assert.match(exemptionAt("2026-07-01T00:00:00Z", ...exempt) ?? "", /exemption \(renewed\) ended on 2026-06-30/);
    }
  });

  it("apply only to the resource with their URN", () =>
    assert.equal(exemptionOf(`${URN}-2`, { exempt: [until("2999-12-31")] }, new Date()), undefined));

  it("are ignored when one of them is invalid", () =>
    assert.equal(exemptionAt("2026-01-01T00:00:00Z", until("2026-12-31"), { urn: URN }), undefined));
});
