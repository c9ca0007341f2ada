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
const titles = (resource?: string) =>
  [...mutantsOf(document, resource)].map(({ title }) => title.replace(/^.*?\)(: )?/, ""));

describe("mutants of a policy", () => {
  it("each omit one statement, action, principal, condition or value, or widen the resources", () => {
    assert.deepEqual(titles(), [
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
      // The resource already includes all instances of the account, so it is not widened.
      " removed",
    ]);
  });

  it("do not widen the policy of a resource, which is evaluated for that resource only", () => {
    assert.ok(!titles(QUEUE).includes("Resource widened to *"));
  });

  it("affect only requests for the statement's actions", () => {
    const [first] = mutantsOf(document);
    assert.deepEqual(
      ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:DeleteMessage"].map((action) => first?.affects(action)),
      [true, true, false],
    );
  });
});
