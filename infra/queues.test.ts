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
const made = async (): Promise<Registry> => (await mocked(() => new Queues("q", args))).registry;
const queue = (registry: Registry, what: string) => registry.one("aws:sqs/queue:Queue", `q-${what}`).inputs;
const policy = (registry: Registry, what: string) =>
  JSON.parse(registry.one("aws:sqs/queuePolicy:QueuePolicy", `q-${what}`).inputs.policy).Statement;

describe("the queues of a stack", () => {
  it("are encrypted, and refuse what does not come over TLS", async () => {
    const registry = await made();
    const queues = registry.ofType("aws:sqs/queue:Queue");
    assert.equal(queues.length, 5);
    for (const { inputs, name } of queues) {
      assert.equal(inputs.sqsManagedSseEnabled, true);
      const [tls] = policy(registry, name.slice(2));
      assert.deepEqual([tls.Effect, tls.Principal, tls.Action], ["Deny", "*", "sqs:*"]);
      assert.deepEqual(tls.Condition, { Bool: { "aws:SecureTransport": "false" } });
    }
  });

  it("keep a message out of sight six times as long as its consumer may take, and its window", async () => {
    const registry = await made();
    assert.equal(queue(registry, "requests").visibilityTimeoutSeconds, 365);
    assert.equal(queue(registry, "wakeups").visibilityTimeoutSeconds, 365);
    assert.ok(queue(registry, "wakeups").messageRetentionSeconds >= 365);
  });

  it("keep a request as long as the page on stopping work says", async () => {
    const page = readFileSync(new URL("../docs/operating.md", import.meta.url), "utf8");
    const [, days] = /wait in their queue \((\d+) days at most\)/.exec(page) ?? [];
    assert.equal(queue(await made(), "requests").messageRetentionSeconds, Number(days) * 86_400);
  });

  it("give a request up only after days of receives, to a queue that keeps it longer", async () => {
    const registry = await made();
    const { redrivePolicy, messageRetentionSeconds } = queue(registry, "requests");
    assert.equal(JSON.parse(redrivePolicy).maxReceiveCount, 1_000);
    assert.ok(queue(registry, "dead").messageRetentionSeconds > messageRetentionSeconds);
    assert.equal(queue(registry, "responses").messageRetentionSeconds, 14 * 86_400);
    const { redriveAllowPolicy } = registry.one("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy").inputs;
    assert.deepEqual(JSON.parse(redriveAllowPolicy), {
      redrivePermission: "byQueue",
      sourceQueueArns: ["arn:aws:sqs:eu-central-1:111111111111:q-requests"],
    });
  });

  it("have their readers wait for messages, as an empty receive costs what a full one does", async () => {
    for (const { name, inputs } of (await made()).ofType("aws:sqs/queue:Queue"))
      assert.equal(inputs.receiveWaitTimeSeconds, 20, name);
  });

  it("let callers send requests, and take the responses of their own tenant only", async () => {
    const registry = await made();
    const allowed = (what: string) => policy(registry, what).slice(1);
    assert.deepEqual(
      allowed("requests")[0].Principal.AWS,
      args.callers.map(({ principal }) => principal),
    );
    assert.ok(!allowed("requests")[0].Action.includes("sqs:ReceiveMessage"));
    assert.deepEqual(allowed("responses")[0].Principal.AWS, ["arn:aws:iam::999999999999:role/sender"]);
    assert.deepEqual(allowed("responses-acme")[0].Principal.AWS, ["arn:aws:iam::888888888888:root"]);
    assert.deepEqual([allowed("wakeups"), allowed("dead")], [[], []]);
  });

  it("can be previewed before any of them exists", async () => {
    await mocked(() => new Queues("q", args), { preview: true });
  });
});
