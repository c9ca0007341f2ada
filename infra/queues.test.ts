import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Queues, type QueuesArgs } from "./queues.ts";
import { mocked, type Registry } from "./testing/mocks.ts";

const args: QueuesArgs = {
  consumer: { timeoutSeconds: 60, batchWindowSeconds: 5 },
  tenants: ["acme"],
  callers: [
    { principal: "arn:aws:iam::999999999999:role/sender", tenants: ["default", "small"] },
    { principal: "arn:aws:iam::888888888888:root", tenants: ["acme"] },
  ],
  responseDays: 14,
};
const create = async (): Promise<Registry> => (await mocked(() => new Queues("q", args))).registry;
const queue = (registry: Registry, suffix: string) => registry.resource("aws:sqs/queue:Queue", `q-${suffix}`).inputs;
const policy = (registry: Registry, suffix: string) =>
  JSON.parse(registry.resource("aws:sqs/queuePolicy:QueuePolicy", `q-${suffix}`).inputs.policy).Statement;

describe("the queues of a stack", () => {
  it("are encrypted, and refuse requests without TLS", async () => {
    const registry = await create();
    const queues = registry.ofType("aws:sqs/queue:Queue");
    assert.equal(queues.length, 5);
    for (const { inputs, name } of queues) {
      assert.equal(inputs.sqsManagedSseEnabled, true);
      const [tls] = policy(registry, name.slice(2));
      assert.deepEqual([tls.Effect, tls.Principal, tls.Action], ["Deny", "*", "sqs:*"]);
      assert.deepEqual(tls.Condition, { Bool: { "aws:SecureTransport": "false" } });
    }
  });

  it("hide a message for six times its consumer's timeout plus the batching window", async () => {
    const registry = await create();
    assert.equal(queue(registry, "requests").visibilityTimeoutSeconds, 365);
    assert.equal(queue(registry, "wakeups").visibilityTimeoutSeconds, 365);
    assert.ok(queue(registry, "wakeups").messageRetentionSeconds >= 365);
  });

  it("retain requests as long as docs/operating.md states", async () => {
    const page = readFileSync(new URL("../docs/operating.md", import.meta.url), "utf8");
    const [, days] = /stay in their queue for up to (\d+) days/.exec(page) ?? [];
    assert.equal(queue(await create(), "requests").messageRetentionSeconds, Number(days) * 86_400);
  });

  it("move a request to the dead-letter queue after 1,000 receives, and retain dead letters longer than requests", async () => {
    const registry = await create();
    const { redrivePolicy, messageRetentionSeconds } = queue(registry, "requests");
    assert.equal(JSON.parse(redrivePolicy).maxReceiveCount, 1_000);
    assert.ok(queue(registry, "dead").messageRetentionSeconds > messageRetentionSeconds);
    assert.equal(queue(registry, "responses").messageRetentionSeconds, 14 * 86_400);
    const { redriveAllowPolicy } = registry.resource("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy").inputs;
    assert.deepEqual(JSON.parse(redriveAllowPolicy), {
      redrivePermission: "byQueue",
      sourceQueueArns: ["arn:aws:sqs:eu-central-1:111111111111:q-requests"],
    });
  });

  it("use long polling, since an empty receive costs as much as a full one", async () => {
    for (const { name, inputs } of (await create()).ofType("aws:sqs/queue:Queue"))
      assert.equal(inputs.receiveWaitTimeSeconds, 20, name);
  });

  it("let callers send requests, and receive only the responses of their tenants' queues", async () => {
    const registry = await create();
    const allowed = (suffix: string) => policy(registry, suffix).slice(1);
    assert.deepEqual(
      allowed("requests")[0].Principal.AWS,
      args.callers.map(({ principal }) => principal),
    );
    assert.ok(!allowed("requests")[0].Action.includes("sqs:ReceiveMessage"));
    assert.deepEqual(allowed("responses")[0].Principal.AWS, ["arn:aws:iam::999999999999:role/sender"]);
    assert.deepEqual(allowed("responses-acme")[0].Principal.AWS, ["arn:aws:iam::888888888888:root"]);
    assert.deepEqual([allowed("wakeups"), allowed("dead")], [[], []]);
  });

  it("can be previewed before any resource exists", async () => {
    await mocked(() => new Queues("q", args), { preview: true });
  });
});
