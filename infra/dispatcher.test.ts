import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { bundleCode } from "./bundle.ts";
import { DISPATCHER, DISPATCHER_BUNDLE, Dispatcher, type DispatcherArgs } from "./dispatcher.ts";
import { Queues } from "./queues.ts";
import { mocked } from "./testing.ts";

const endpoint = {
  host: pulumi.output("db"),
  port: 5432,
  name: "rates",
  resourceId: pulumi.output("db-1"),
  securityGroupId: pulumi.output("sg-db"),
};
const made = async (change: Partial<DispatcherArgs> = {}, preview = false) =>
  (
    await mocked(
      () =>
        new Dispatcher("d", {
          placement: { vpcId: "vpc-1", subnetIds: ["subnet-1"] },
          environment: { RATES_SETTINGS: "{}" },
          database: endpoint,
          queues: new Queues("q", { consumer: DISPATCHER, tenants: [], callers: [], responseDays: 14 }),
          reservedConcurrency: 14,
          eventSourceConcurrency: 10,
          wakeupConcurrency: 2,
          statements: [],
          glueJobName: "reads",
          arch: "arm64",
          retentionDays: 30,
          ...change,
        }),
      { preview },
    )
  ).registry;

describe("the dispatcher of a stack", () => {
  it("takes messages through an alias, never more at once than capacity says, and gives back those that failed", async () => {
    const registry = await made();
    const alias = registry.one("aws:lambda/alias:Alias");
    assert.equal(alias.inputs.functionVersion, "7");
    for (const [what, concurrency] of [
      ["requests", 10],
      ["wakeups", 2],
    ] as const) {
      const { inputs } = registry.one("aws:lambda/eventSourceMapping:EventSourceMapping", `d-${what}`);
      assert.equal(inputs.functionName, "arn:aws:lambda:eu-central-1:111111111111:d");
      assert.deepEqual(inputs.scalingConfig, { maximumConcurrency: concurrency });
      assert.deepEqual(inputs.functionResponseTypes, ["ReportBatchItemFailures"]);
    }
  });

  it("reserves its executions, or none where the account has too few", async () => {
    const reserved = async (count: number | undefined) =>
      (await made({ reservedConcurrency: count })).one("aws:lambda/function:Function").inputs
        .reservedConcurrentExecutions;
    assert.equal(await reserved(14), 14);
    assert.equal(await reserved(undefined), undefined);
  });

  it("hears of runs that end and of the schedule, each of which may invoke the alias and nothing else", async () => {
    const registry = await made();
    const rules = registry.ofType("aws:cloudwatch/eventRule:EventRule");
    assert.deepEqual(rules.map(({ name }) => name).sort(), ["d-ec2", "d-glue", "d-schedule"]);
    assert.deepEqual(
      JSON.parse(registry.one("aws:cloudwatch/eventRule:EventRule", "d-glue").inputs.eventPattern).detail,
      { jobName: ["reads"] },
    );
    for (const { name } of rules) {
      const { inputs } = registry.one("aws:lambda/permission:Permission", name);
      assert.deepEqual([inputs.principal, inputs.qualifier], ["events.amazonaws.com", "live"]);
      assert.match(inputs.sourceArn, new RegExp(`${name}$`));
    }
  });

  it("ends its runs before the stack goes, and proves itself when the stack is made", async () => {
    const { inputs } = (await made()).one("aws:lambda/invocation:Invocation");
    assert.deepEqual([inputs.lifecycleScope, inputs.qualifier], ["CRUD", "live"]);
  });

  it("may take requests and wake-ups, answer, bury and write its own log", async () => {
    const registry = await made();
    const [take, send, logs, network] = registry.statements("d");
    assert.deepEqual(take?.Action, ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]);
    assert.equal(take?.Resource.length, 2);
    assert.deepEqual([send?.Action, send?.Resource.length], [["sqs:SendMessage"], 2]);
    assert.deepEqual(logs?.Resource.length, 1);
    assert.ok(network?.Action.every((action) => action.startsWith("ec2:")));
    assert.ok(!registry.statements("d").some(({ Action }) => Action.includes("*")));
  });

  it("can be previewed before any of it exists", async () => {
    await made({}, true);
  });
});

describe("the dispatcher's bundle", () => {
  it("is under 1 MB, leaves the SDK to the runtime, and has a handler", async function () {
    this.timeout(20_000);
    const code = bundleCode(DISPATCHER_BUNDLE);
    assert.ok(Buffer.byteLength(code) < 1_000_000, `${Buffer.byteLength(code)} bytes`);
    assert.match(code, /from"@aws-sdk\/client-sqs"/);
    // Beside the packages that Lambda has, so that it can be loaded here.
    const directory = mkdtempSync(join(tmpdir(), "rates-bundle-"));
    try {
      const file = join(directory, "index.mjs");
      const here = new URL("../package.json", import.meta.url).href;
      writeFileSync(
        file,
        code.replace(/from"(@(?:aws-sdk|smithy)\/[^"]+)"/g, (_, name) => `from"${import.meta.resolve(name, here)}"`),
      );
      const settings = { queues: { requests: "r", wakeups: "w", deadLetters: "d", responses: "a", tenants: {} } };
      process.env.RATES_SETTINGS = JSON.stringify({
        ...settings,
        buckets: { results: "results", uploads: "uploads" },
        glue: { jobName: "reads", maxCapacity: 0.0625 },
        ec2: { launchTemplateId: "lt-1", launchTemplateVersion: "1", subnetIds: ["subnet-1"] },
      });
      process.env.AWS_REGION = "eu-central-1";
      const { handler } = await import(pathToFileURL(file).href);
      assert.equal(typeof handler, "function");
    } finally {
      delete process.env.RATES_SETTINGS;
      rmSync(directory, { recursive: true });
    }
  });
});
