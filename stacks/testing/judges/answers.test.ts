import assert from "node:assert/strict";
import { type Answer, compareAnswers, type Finding } from "./answers.ts";

const finding = (resource: string, rule = "R1"): Finding => ({
  judge: "checkov",
  type: "aws:sqs/queue:Queue",
  path: "",
  rule,
  message: "is wrong",
  resource,
  variants: ["dev"],
});
const answer = (resources: string[]): Answer => ({ judge: "checkov", rule: "R1", resources, reason: "because" });

describe("answers to the judges' findings", () => {
  it("cover findings of a rule in the resources that they name, in every stack", () => {
    const findings = [finding("rates-dev-queue"), finding("rates-prod-queue"), finding("rates-dev")];
    assert.deepEqual(compareAnswers(["checkov"], findings, [answer(["queue", ""])]), { unanswered: [], stale: [] });
  });

  it("cover no other resource, rule or judge", () => {
    const findings = [finding("rates-dev-queue"), finding("rates-dev-queue-2"), finding("rates-dev-queue", "R2")];
    const { unanswered } = compareAnswers(["checkov"], findings, [answer(["queue"])]);
    assert.deepEqual(unanswered, [
      "checkov R1: aws:sqs/queue:Queue rates-dev-queue-2 : is wrong",
      "checkov R2: aws:sqs/queue:Queue rates-dev-queue : is wrong",
    ]);
    assert.deepEqual(compareAnswers(["cfn-lint"], [], [answer(["queue"])]).stale, []);
  });

  it("are stale when no finding needs them any more", () => {
    const { stale } = compareAnswers(["checkov"], [finding("rates-dev-queue")], [answer(["queue", "topic"])]);
    assert.equal(stale.length, 1);
    assert.match(stale[0] ?? "", /^checkov R1 .*topic/);
  });
});
