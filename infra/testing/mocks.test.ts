import assert from "node:assert/strict";
import { Queue } from "@pulumi/aws/sqs/queue.js";
import * as pulumi from "@pulumi/pulumi";
import { roleFor } from "../shared/iam.ts";
import { mocked, resolved, UNKNOWN } from "./mocks.ts";

class Component extends pulumi.ComponentResource {
  readonly queue: Queue;
  constructor(name: string) {
    super("rates:infra:Component", name, {});
    this.queue = new Queue(name, { tags: { a: pulumi.secret("b") } }, { parent: this });
    new Queue(`${name}-second`, { name: this.queue.arn }, { parent: this });
  }
}

describe("programs under mocks", () => {
  it("record parents, secrets as plain values, and values of outputs", async () => {
    const { registry, result } = await mocked(() => new Component("p"));
    const queue = registry.resource("aws:sqs/queue:Queue", "p");
    assert.equal(queue.parent, registry.resource("rates:infra:Component").urn);
    assert.deepEqual(queue.inputs.tags, { a: "b" });
    assert.equal(
      registry.resource("aws:sqs/queue:Queue", "p-second").inputs.name,
      "arn:aws:sqs:eu-central-1:111111111111:p",
    );
    assert.equal(await resolved(result.queue.id), "p-id");
  });
  it("have unknown values in a preview", async () => {
    const { registry } = await mocked(() => new Component("p"), { preview: true });
    assert.equal(registry.resource("aws:sqs/queue:Queue", "p-second").inputs.name, UNKNOWN);
  });
  it("record a role's statements", async () => {
    const { registry } = await mocked(() =>
      roleFor("r", { service: "lambda.amazonaws.com", statements: [{ actions: ["a:B"], resources: ["c"] }] }, {}),
    );
    assert.deepEqual(registry.statements("r"), [{ Effect: "Allow", Action: ["a:B"], Resource: ["c"] }]);
  });
});
