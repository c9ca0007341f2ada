import assert from "node:assert/strict";
import { mutantsOf } from "./mutants.ts";
import type { PolicyDocument } from "./policy.ts";

const QUEUE = "arn:aws:sqs:eu-central-1:111111111111:one";
const document: PolicyDocument = {
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "Callers",
      Effect: "Allow",
      Principal: { AWS: ["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"] },
      Action: ["sqs:SendMessage", "sqs:Get*"],
      Resource: QUEUE,
      Condition: { StringEquals: { "aws:SourceAccount": ["1", "2"] }, Bool: { "aws:SecureTransport": "true" } },
    },
    { Effect: "Allow", Action: "ec2:TerminateInstances", Resource: "arn:aws:ec2:*:111111111111:instance/*" },
  ],
};
const whats = (resource?: string) =>
  [...mutantsOf(document, resource)].map(({ what }) => what.replace(/^.*?\)(: )?/, ""));

describe("mutants of a policy", () => {
  it("omit each statement, action, principal, condition and value, and widen resources", () => {
    assert.deepEqual(whats(), [
      " removed",
      "Action sqs:SendMessage removed",
      "Action sqs:Get* removed",
      "Resource widened to *",
      "Principal arn:aws:iam::1:role/a removed",
      "Principal arn:aws:iam::1:role/b removed",
      "condition StringEquals aws:SourceAccount removed",
      "value 1 of condition aws:SourceAccount removed",
      "value 2 of condition aws:SourceAccount removed",
      "condition Bool aws:SecureTransport removed",
      // The resource is already all instances of the account, so it is not widened.
      " removed",
    ]);
  });

  it("do not widen a resource's own policy, which is evaluated for that resource only", () => {
    assert.ok(!whats(QUEUE).includes("Resource widened to *"));
  });

  it("concern requests for the statement's actions only", () => {
    const [first] = mutantsOf(document);
    assert.deepEqual(
      ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:DeleteMessage"].map((action) => first?.affects(action)),
      [true, true, false],
    );
  });
});
