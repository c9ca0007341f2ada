import assert from "node:assert/strict";
import { ENDPOINTS } from "../infra/network.ts";
import { ROOT } from "../runtime/platform/root.ts";
import { readStackFile } from "./config/parse.ts";
import { planCapacity } from "./planning/capacity.ts";
import { costOf } from "./planning/cost.ts";
import { requireEngine } from "./testing/command.ts";
import { Cloud } from "./testing/provider/cloud.ts";
import { UNKNOWN } from "./testing/provider/values.ts";
import { type Run, RunFailed, type Step } from "./testing/run.ts";
import { stackEngine } from "./testing/stackEngine.ts";

const STACKS = ["dev", "staging", "prod"] as const;

const only = (run: Run, type: string, name?: string): Step => {
  const found = run.steps.filter((step) => step.type === type && (name === undefined || step.name === name));
  assert.equal(found.length, 1, `${type} ${name ?? ""}: ${found.length}`);
  return found[0] as Step;
};
const refusal = async (run: Promise<Run>): Promise<string> => {
  const error = await run.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  assert.ok(error instanceof RunFailed, `expected a failed run, got ${error}`);
  assert.deepEqual(
    error.run.steps.filter(({ type }) => type.startsWith("aws")),
    [],
    "nothing was planned",
  );
  return error.message;
};

describe("the program in the real engine", () => {
  before(function () {
    requireEngine(this);
  });

  for (const stack of STACKS)
    it(`previews, creates, keeps and destroys ${stack}`, async function () {
      this.timeout(240_000);
      const config = readStackFile(stack, ROOT);
      const { plan } = planCapacity(config);
      assert.ok(plan);
      const one = await stackEngine(stack);
      try {
        const preview = await one.preview();
        assert.ok(preview.steps.every(({ op }) => op === "create"));
        assert.equal(only(preview, "aws:sqs/queue:Queue", `rates-${stack}-queues-requests`).outputs.arn, UNKNOWN);
        assert.equal(one.cloud.resources.size, 0, "a preview makes nothing");

        const up = await one.up();
        assert.deepEqual(up.changes, preview.changes);
        const resources = up.steps.filter(({ type }) => /^aws:/.test(type));
        assert.deepEqual(
          resources
            .filter(({ provider }) => !provider.includes("::pulumi:providers:aws::account::"))
            .map(({ urn }) => urn),
          [],
          "everything is on the account's provider",
        );
        const components = up.steps
          .filter(({ type }) => type.startsWith("rates:infra:"))
          .map(({ type }) => type)
          .sort();
        const parts = [
          "Access",
          "Api",
          "Buckets",
          "Database",
          "Dispatcher",
          "Ec2Runner",
          "GlueRunner",
          "Images",
          "Migrations",
          "Monitoring",
          "Network",
          "Queues",
          "Smoke",
        ];
        if (config.tracking.store === "opensearch") parts.push("Tracking");
        assert.deepEqual(components, parts.map((part) => `rates:infra:${part}`).sort());

        // Sizes are those of the capacity plan.
        const job = only(up, "aws:glue/job:Job").inputs as { executionProperty: { maxConcurrentRuns: number } };
        assert.equal(job.executionProperty.maxConcurrentRuns, plan.glue.maxConcurrentRuns);
        assert.equal(
          only(up, "aws:lambda/function:Function", `rates-${stack}-dispatcher`).inputs.reservedConcurrentExecutions,
          plan.dispatcher.reservedConcurrency,
        );
        assert.equal(only(up, "aws:appautoscaling/target:Target").inputs.maxCapacity, config.api.maxTasks);
        assert.equal(only(up, "aws:rds/instance:Instance").inputs.multiAz, config.database.multiAz);
        assert.deepEqual(
          only(up, "aws:sqs/queue:Queue", `rates-${stack}-queues-requests`).outputs.tagsAll as Record<string, string>,
          { ...config.tags, stack },
        );
        const alarms = up.steps.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm").length;
        const priced = costOf(config, plan).fixed.map(({ label }) => label);
        assert.ok(priced.includes(`${alarms} alarms`), `${alarms} alarms are made, and the cost counts others`);
        const natGateways = up.steps.filter(({ type }) => type === "aws:ec2/natGateway:NatGateway").length;
        assert.equal(natGateways, { none: 0, single: 1, perZone: config.network.zones.length }[config.network.nat]);

        const routeTables = only(up, "aws:ec2/vpcEndpoint:VpcEndpoint", `rates-${stack}-network-s3`).inputs
          .routeTableIds;
        const tables = up.steps.filter(({ type }) => type === "aws:ec2/routeTable:RouteTable");
        assert.equal(new Set(routeTables as string[]).size, tables.length, "S3's gateway is in every route table");
        assert.ok((routeTables as string[]).every((id) => /^rtb-/.test(id)));

        const outputs = await one.outputs();
        for (const key of [
          "api",
          "requestQueueUrl",
          "responseQueueUrl",
          "deadLetterQueueUrl",
          "resultsBucket",
          "uploadsBucket",
          "dashboard",
          "region",
        ])
          assert.equal(typeof outputs[key], "string", key);
        assert.doesNotMatch(one.stateText(), /createRequire|BEGIN CERTIFICATE/, "files are in the state by their hash");
        assert.doesNotMatch(one.stateText(), /BEGIN (RSA |EC )?PRIVATE KEY|"(master)?[pP]assword": ?"[^"]/);

        assert.deepEqual(Object.keys((await one.preview()).changes), ["same"], "a second preview has no changes");
        if (config.data.keep) return;
        await one.destroy();
        const remaining = [...one.cloud.resources.values()].map(({ type }) => type);
        assert.deepEqual(
          remaining.filter((type) => !/s3\/bucketObject|docker/.test(type)),
          [],
        );
      } finally {
        await one.close();
      }
    });

  it("stops in the wrong account, with both accounts and the remedy", async () => {
    const one = await stackEngine("dev", { cloud: new Cloud({ account: "999999999999" }) });
    try {
      const message = await refusal(one.preview());
      assert.match(
        message,
        /account\.id 111111111111: .*999999999999.*Nothing was changed\. Log in to the stack's account/s,
      );
    } finally {
      await one.close();
    }
  });

  it("lists all problems of a configuration before any provider sees it", async () => {
    const one = await stackEngine("dev", {
      config: {
        "rates-platform:database": { instanceClass: "db.t9.huge", storageGb: "many" },
        "rates-platform:network": { cidr: "10.0.0.0/27", zones: ["eu-central-1a", "us-east-1b"], nat: "single" },
        "rates-platform:quotaz": {},
        "rates-platform:api": {
          certificateArn: "arn:aws:acm:us-east-1:111111111111:certificate/1",
          domainName: "rates.example.com",
        },
      },
    });
    try {
      const message = await refusal(one.preview());
      for (const expected of [
        /database\.instanceClass "db\.t9\.huge" is not in RDS_CLASSES/,
        /database\.storageGb "many" must be/,
        /network\.cidr "10\.0\.0\.0\/27" is too small/,
        /network\.zones\.1 "us-east-1b" is not in account\.region/,
        /quotaz .*Did you mean 'quotas'/,
        /api\.certificateArn .* is in us-east-1/,
      ])
        assert.match(message, expected);
    } finally {
      await one.close();
    }
  });

  it("reaches every service inside the network without NAT", async function () {
    this.timeout(120_000);
    const { network } = readStackFile("dev", ROOT);
    const one = await stackEngine("dev", { config: { "rates-platform:network": { ...network, nat: "none" } } });
    try {
      const preview = await one.preview();
      const services = preview.steps
        .filter(({ type }) => type === "aws:ec2/vpcEndpoint:VpcEndpoint")
        .map(({ inputs }) => String(inputs.serviceName).split(".").slice(3).join("."));
      assert.deepEqual(services.sort(), ["s3", ...ENDPOINTS].sort());
      assert.deepEqual(
        preview.steps.filter(({ type }) => /natGateway|eip:Eip/.test(type)),
        [],
      );
    } finally {
      await one.close();
    }
  });

  it("gives copies of a stack in one account different names", async function () {
    this.timeout(120_000);
    const cloud = new Cloud({ account: "111111111111" });
    const [dev, secondStack] = [
      await stackEngine("dev", { cloud }),
      await stackEngine("dev", { cloud, stack: "dev-anna" }),
    ];
    try {
      await dev.up();
      await secondStack.up();
      const [one, other] = [await dev.outputs(), await secondStack.outputs()];
      assert.match(String(other.requestQueueUrl), /rates-dev-anna-queues-requests/);
      assert.notEqual(one.uploadsBucket, other.uploadsBucket);
    } finally {
      await dev.close();
      await secondStack.close();
    }
  });
});
