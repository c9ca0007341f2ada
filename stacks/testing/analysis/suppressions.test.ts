import assert from "node:assert/strict";
import { compareSuppressions, type Finding, type Suppression } from "./suppressions.ts";

const finding = (resource: string, rule = "R1"): Finding => ({
  analyzer: "checkov",
  type: "aws:sqs/queue:Queue",
  path: "",
  rule,
  message: "is wrong",
  resource,
  variants: ["dev"],
});
const suppression = (resources: string[]): Suppression => ({
  analyzer: "checkov",
  rule: "R1",
  resources,
  reason: "because",
});

describe("suppressions of findings", () => {
  it("suppress findings of a rule in the resources that they name, in every stack", () => {
    const findings = [finding("rates-dev-queue"), finding("rates-prod-queue"), finding("rates-dev")];
    assert.deepEqual(compareSuppressions(["checkov"], findings, [suppression(["queue", ""])]), {
      unsuppressed: [],
      stale: [],
    });
  });

  it("suppress no findings of another resource, rule or analyzer", () => {
    const findings = [finding("rates-dev-queue"), finding("rates-dev-queue-2"), finding("rates-dev-queue", "R2")];
    const { unsuppressed } = compareSuppressions(["checkov"], findings, [suppression(["queue"])]);
    assert.deepEqual(unsuppressed, [
      "checkov R1: aws:sqs/queue:Queue rates-dev-queue-2 : is wrong",
      "checkov R2: aws:sqs/queue:Queue rates-dev-queue : is wrong",
    ]);
    assert.deepEqual(compareSuppressions(["cfn-lint"], [], [suppression(["queue"])]).stale, []);
  });

  it("are stale when they suppress no finding", () => {
    const { stale } = compareSuppressions(["checkov"], [finding("rates-dev-queue")], [suppression(["queue", "topic"])]);
    assert.equal(stale.length, 1);
    assert.match(stale[0] ?? "", /^checkov R1 .*topic/);
  });
});
