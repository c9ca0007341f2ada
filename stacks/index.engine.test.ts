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

const singleStep = (run: Run, type: string, name?: string): Step => {
  const steps = run.steps.filter((step) => step.type === type && (name === undefined || step.name === name));
  assert.equal(steps.length, 1, `${type} ${name ?? ""}: ${steps.length}`);
  return steps[0] as Step;
};
const refusalMessage = async (run: Promise<Run>): Promise<string> => {
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
    it(`previews and creates ${stack}, then previews no changes, and destroys it unless it keeps its data`, async function () {
      this.timeout(480_000);
      const config = readStackFile(stack, ROOT);
      const { plan } = planCapacity(config);
      assert.ok(plan);
      const pulumi = await stackEngine(stack);
      try {
        const preview = await pulumi.preview();
        assert.ok(preview.steps.every(({ op }) => op === "create"));
        assert.equal(singleStep(preview, "aws:sqs/queue:Queue", `rates-${stack}-queues-requests`).outputs.arn, UNKNOWN);
        assert.equal(pulumi.cloud.resources.size, 0, "a preview creates nothing");

        const up = await pulumi.up();
        assert.deepEqual(up.changes, preview.changes);
        const resources = up.steps.filter(({ type }) => /^aws:/.test(type));
        assert.deepEqual(
          resources
            .filter(({ provider }) => !provider.includes("::pulumi:providers:aws::account::"))
            .map(({ urn }) => urn),
          [],
          "every resource uses the account's provider",
        );
        const components = up.steps
          .filter(({ type }) => type.startsWith("rates:infra:"))
          .map(({ type }) => type)
          .sort();
        const expectedComponents = [
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
        if (config.tracking.store === "opensearch") expectedComponents.push("Tracking");
        assert.deepEqual(components, expectedComponents.map((component) => `rates:infra:${component}`).sort());

        // Sizes match the capacity plan.
        const job = singleStep(up, "aws:glue/job:Job").inputs as { executionProperty: { maxConcurrentRuns: number } };
        assert.equal(job.executionProperty.maxConcurrentRuns, plan.glue.maxConcurrentRuns);
        assert.equal(
          singleStep(up, "aws:lambda/function:Function", `rates-${stack}-dispatcher`).inputs
            .reservedConcurrentExecutions,
          plan.dispatcher.reservedConcurrency,
        );
        assert.equal(singleStep(up, "aws:appautoscaling/target:Target").inputs.maxCapacity, config.api.maxTasks);
        assert.equal(singleStep(up, "aws:rds/instance:Instance").inputs.multiAz, config.database.multiAz);
        assert.deepEqual(
          singleStep(up, "aws:sqs/queue:Queue", `rates-${stack}-queues-requests`).outputs.tagsAll as Record<
            string,
            string
          >,
          { ...config.tags, stack },
        );
        const alarms = up.steps.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm").length;
        const costLabels = costOf(config, plan).fixed.map(({ label }) => label);
        assert.ok(costLabels.includes(`${alarms} alarms`), `the cost does not count ${alarms} alarms`);
        const natGateways = up.steps.filter(({ type }) => type === "aws:ec2/natGateway:NatGateway").length;
        assert.equal(natGateways, { none: 0, single: 1, perZone: config.network.zones.length }[config.network.nat]);

        const routeTables = singleStep(up, "aws:ec2/vpcEndpoint:VpcEndpoint", `rates-${stack}-network-s3`).inputs
          .routeTableIds;
        const tables = up.steps.filter(({ type }) => type === "aws:ec2/routeTable:RouteTable");
        assert.equal(
          new Set(routeTables as string[]).size,
          tables.length,
          "S3's gateway endpoint is in every route table",
        );
        assert.ok((routeTables as string[]).every((id) => /^rtb-/.test(id)));

        const outputs = await pulumi.outputs();
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
        assert.doesNotMatch(
          pulumi.stateText(),
          /createRequire|BEGIN CERTIFICATE/,
          "the state has hashes of files, not their content",
        );
        assert.doesNotMatch(pulumi.stateText(), /BEGIN (RSA |EC )?PRIVATE KEY|"(master)?[pP]assword": ?"[^"]/);

        assert.deepEqual(Object.keys((await pulumi.preview()).changes), ["same"], "a second preview has no changes");
        if (config.data.keep) return;
        await pulumi.destroy();
        const remaining = [...pulumi.cloud.resources.values()].map(({ type }) => type);
        assert.deepEqual(
          remaining.filter((type) => !/s3\/bucketObject|docker/.test(type)),
          [],
        );
      } finally {
        await pulumi.close();
      }
    });

  it("refuses the wrong account, and names both accounts and the remedy", async () => {
    const pulumi = await stackEngine("dev", { cloud: new Cloud({ account: "999999999999" }) });
    try {
      const message = await refusalMessage(pulumi.preview());
      assert.match(
        message,
        /account\.id 111111111111: .*999999999999.*Nothing was changed\. Log in to the stack's account/s,
      );
    } finally {
      await pulumi.close();
    }
  });

  it("lists all problems of a configuration and plans no resource", async () => {
    const pulumi = await stackEngine("dev", {
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
      const message = await refusalMessage(pulumi.preview());
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
      await pulumi.close();
    }
  });

  it("plans an endpoint for every service in a network without NAT", async function () {
    this.timeout(360_000);
    const { network } = readStackFile("dev", ROOT);
    const pulumi = await stackEngine("dev", { config: { "rates-platform:network": { ...network, nat: "none" } } });
    try {
      const preview = await pulumi.preview();
      const services = preview.steps
        .filter(({ type }) => type === "aws:ec2/vpcEndpoint:VpcEndpoint")
        .map(({ inputs }) => String(inputs.serviceName).split(".").slice(3).join("."));
      assert.deepEqual(services.sort(), ["s3", ...ENDPOINTS].sort());
      assert.deepEqual(
        preview.steps.filter(({ type }) => /natGateway|eip:Eip/.test(type)),
        [],
      );
    } finally {
      await pulumi.close();
    }
  });

  it("gives copies of a stack in one account different names", async function () {
    this.timeout(360_000);
    const cloud = new Cloud({ account: "111111111111" });
    const [dev, copy] = [await stackEngine("dev", { cloud }), await stackEngine("dev", { cloud, stack: "dev-anna" })];
    try {
      await dev.up();
      await copy.up();
      const [devOutputs, copyOutputs] = [await dev.outputs(), await copy.outputs()];
      assert.match(String(copyOutputs.requestQueueUrl), /rates-dev-anna-queues-requests/);
      assert.notEqual(devOutputs.uploadsBucket, copyOutputs.uploadsBucket);
    } finally {
      await dev.close();
      await copy.close();
    }
  });
});
