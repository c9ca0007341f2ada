import assert from "node:assert/strict";
import { Provider } from "@pulumi/aws/provider.js";
import { Queue } from "@pulumi/aws/sqs/queue.js";
import { parseStackConfig } from "../../stacks/config/parse.ts";
import { planCapacity } from "../../stacks/planning/capacity.ts";
import { requireEngine } from "../../stacks/testing/command.ts";
import { rawConfig } from "../../stacks/testing/config.ts";
import { type Engine, engine } from "../../stacks/testing/engine.ts";
import { MAX_EXECUTIONS } from "../limits/capacity.ts";
import { ACCOUNT, mocked, REGION, type Registry, UNKNOWN } from "../testing/mocks.ts";
import { alarmsOf } from "./alarms.ts";
import { dashboardOf } from "./dashboard.ts";
import { METRICS, type MetricKey, SUBJECTS } from "./metrics.ts";
import { Monitoring, type MonitoringArgs } from "./monitoring.ts";
import { COLUMNS, type Widget } from "./widgets.ts";

const plan = (() => {
  const { config } = parseStackConfig(rawConfig(), "dev");
  const { plan } = config ? planCapacity(config) : {};
  assert(plan);
  return plan;
})();

const args = (change: Partial<MonitoringArgs> = {}): MonitoringArgs => ({
  plan,
  queues: {
    requests: "requests-1",
    wakeups: "wakeups-1",
    deadLetters: "dead-1",
    responses: "responses-1",
    tenants: { acme: "acme-1" },
  },
  responseDays: 14,
  dispatcher: { functionName: "dispatcher-1", timeoutSeconds: 60 },
  database: { identifier: "database-1", storageGb: 100 },
  api: { loadBalancer: "app/api/1", targetGroup: "targetgroup/api/1", cluster: "api", service: "api" },
  tracking: { domainName: "rates-dev", nodes: 3, storageGb: 20 },
  jobSeconds: 900,
  runMemory: { glue: 2 ** 30, ec2: 2 ** 31 },
  accountId: ACCOUNT,
  region: REGION,
  monthlyUsd: 300,
  email: "team@example.com",
  ...change,
});
const create = async (change: Partial<MonitoringArgs> = {}): Promise<Registry> =>
  (await mocked(() => new Monitoring("rates-dev-monitoring", args(change)))).registry;
const alarmsIn = (registry: Registry) => registry.ofType("aws:cloudwatch/metricAlarm:MetricAlarm");

/** Asserts that METRICS has the metric with exactly these dimensions, and returns its key. */
function checkMetric(namespace: unknown, metric: unknown, dimensions: Record<string, unknown>): MetricKey {
  const matches = Object.entries(METRICS).filter(
    ([, definition]) =>
      definition.namespace === namespace &&
      definition.metric === metric &&
      Object.keys(dimensions).sort().join() === [...SUBJECTS[definition.subject]].sort().join(),
  );
  assert.equal(matches.length, 1, `${namespace} ${metric} by ${Object.keys(dimensions)}`);
  for (const value of Object.values(dimensions)) assert.ok(typeof value === "string" && value !== "", String(metric));
  return matches[0]?.[0] as MetricKey;
}

describe("metrics", () => {
  it("are all in the dashboard", () => {
    const { widgets } = dashboardOf(args(), []);
    const names = widgets
      .flatMap(({ properties }) => (properties.metrics ?? []) as unknown[][])
      .map((line) => line.slice(0, 2).join(" "));
    const missing = Object.entries(METRICS).filter(
      ([, { namespace, metric }]) => !names.includes(`${namespace} ${metric}`),
    );
    assert.deepEqual(
      missing.map(([key]) => key),
      [],
    );
  });
  it("have a description", () => {
    for (const [key, { meaning }] of Object.entries(METRICS)) assert.ok(meaning.length > 10, key);
  });
});

describe("the dashboard", () => {
  const body = async (change: Partial<MonitoringArgs> = {}): Promise<{ widgets: Widget[] }> =>
    JSON.parse((await create(change)).resource("aws:cloudwatch/dashboard:Dashboard").inputs.dashboardBody);

  it("stays within the grid without overlaps", async () => {
    const { widgets } = await body();
    const occupied = new Set<string>();
    for (const { x, y, width, height } of widgets) {
      assert.ok(x >= 0 && width >= 1 && x + width <= COLUMNS && height >= 1 && height <= 1_000, `${x} + ${width}`);
      for (let column = x; column < x + width; column++)
        for (let row = y; row < y + height; row++) {
          assert.ok(!occupied.has(`${column} ${row}`), `${column} ${row}`);
          occupied.add(`${column} ${row}`);
        }
    }
    assert.ok(widgets.length > 40 && widgets.length <= 500);
  });

  const { tracking: _, ...postgres } = args();
  for (const [title, monitoringArgs] of Object.entries({ with: args(), without: postgres }))
    it(`has metrics and texts that CloudWatch accepts, ${title} OpenSearch`, async () => {
      const { registry } = await mocked(() => new Monitoring("m", monitoringArgs));
      const { widgets }: { widgets: Widget[] } = JSON.parse(
        registry.resource("aws:cloudwatch/dashboard:Dashboard").inputs.dashboardBody,
      );
      for (const { type, properties } of widgets) {
        if (type === "text") assert.ok(typeof properties.markdown === "string" && properties.markdown.length > 0);
        if (type === "alarm") assert.ok(Array.isArray(properties.alarms) && properties.alarms.length > 0);
        if (type !== "metric") continue;
        const title = String(properties.title);
        assert.ok(title.length > 0 && properties.view === "timeSeries" && typeof properties.region === "string");
        assert.ok(
          Array.isArray(properties.metrics) && properties.metrics.length > 0 && properties.metrics.length <= 500,
        );
        const ids = properties.metrics.map((line: unknown[]) => (line.at(-1) as { id?: string }).id);
        for (const line of properties.metrics as unknown[][]) {
          const options = line.at(-1) as { label?: string; stat?: string; expression?: string };
          assert.ok(options.label, title);
          if (options.expression !== undefined) {
            assert.equal(line.length, 1);
            for (const id of options.expression.match(/[a-z]\w*/g) ?? [])
              assert.ok(ids.includes(id), `${title}: ${id}`);
            continue;
          }
          const [namespace, metric, ...pairs] = line.slice(0, -1);
          assert.equal(pairs.length % 2, 0);
          const names = pairs.filter((_, index) => index % 2 === 0) as string[];
          checkMetric(namespace, metric, Object.fromEntries(names.map((name, index) => [name, pairs[2 * index + 1]])));
          assert.match(String(options.stat), /^(Sum|Average|Maximum|Minimum|SampleCount|p\d+)$/);
        }
        const { horizontal = [] } = (properties.annotations ?? {}) as {
          horizontal?: { label: string; value: number }[];
        };
        for (const { label, value } of horizontal) assert.ok(label && Number.isFinite(value) && value > 0, title);
      }
    });

  it("labels the DPUs in use as a lower bound if one run may be larger", () => {
    const widgetsOf = (glue: typeof plan.glue) =>
      JSON.stringify(dashboardOf(args({ plan: { ...plan, glue } }), []).widgets);
    const { maxConcurrentRuns } = plan.glue;
    assert.match(widgetsOf({ maxConcurrentRuns, dpuPerRun: 0.0625, largerDpu: 1 }), /"DPUs, at least"/);
    assert.match(widgetsOf({ maxConcurrentRuns, dpuPerRun: 1 }), /"DPUs"/);
  });

  it("draws maximums as lines", async () => {
    const { widgets } = await body();
    const levels = (title: RegExp) =>
      widgets
        .filter(({ properties }) => title.test(String(properties.title)))
        .flatMap(({ properties }) => (properties.annotations as { horizontal: { value: number }[] }).horizontal)
        .map(({ value }) => value);
    assert.deepEqual(levels(/^Glue: waiting/), [plan.glue.maxConcurrentRuns]);
    assert.deepEqual(levels(/^EC2: waiting/), [plan.ec2.maxInstances]);
    assert.deepEqual(levels(/^Connections/), [plan.database.usable, plan.database.total]);
    assert.deepEqual(levels(/DPUs/), [plan.glue.maxConcurrentRuns * plan.glue.dpuPerRun]);
    assert.deepEqual(levels(/concurrent/), [plan.dispatcher.reservedConcurrency]);
  });

  it("begins with an introduction and shows every alarm", async () => {
    const registry = await create();
    const { widgets } = await body();
    assert.match(String(widgets[0]?.properties.markdown), /How to read this/);
    const listed = widgets.find(({ type }) => type === "alarm")?.properties.alarms;
    assert.equal((listed as string[]).length, alarmsIn(registry).length);
  });

  it("has a name that contains the stack's name", async () => {
    const { dashboardName } = (await create()).resource("aws:cloudwatch/dashboard:Dashboard").inputs;
    assert.equal(dashboardName, "rates-dev-monitoring");
  });
});

describe("alarms", () => {
  it("use listed metrics, have a summary and a remedy, and notify the topic when they are raised and when they end", async () => {
    const registry = await create();
    const topic = registry.resource("aws:sns/topic:Topic");
    for (const { name, inputs } of alarmsIn(registry)) {
      assert.ok(name.length + 8 <= 255);
      assert.ok(inputs.alarmDescription.length <= 1_024, name);
      assert.deepEqual(inputs.alarmActions, [`arn:aws:sns:${REGION}:${ACCOUNT}:${topic.name}`]);
      assert.deepEqual(inputs.okActions, inputs.alarmActions);
      assert.match(inputs.treatMissingData, /^(notBreaching|breaching)$/);
      assert.ok(inputs.datapointsToAlarm <= inputs.evaluationPeriods && inputs.evaluationPeriods * 60 <= 86_400, name);
      assert.ok(Number.isFinite(inputs.threshold));
      const metrics = inputs.metricQueries?.flatMap((query: { metric?: object }) => query.metric ?? []) ?? [inputs];
      for (const { namespace, metricName, dimensions, period } of metrics) {
        checkMetric(namespace, metricName, dimensions);
        assert.equal(period, 60);
      }
    }
    for (const { key, summary, action } of alarmsOf(args())) {
      assert.match(key, /^[A-Za-z0-9_-]+$/);
      assert.match(summary, /^[A-Z].*\.$/, key);
      assert.match(action, /^[A-Z`].*\.$/, key);
    }
    const keys = alarmsOf(args()).map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length);
  });

  const throttlingWith = (reservedConcurrency: number | undefined) => {
    const change = { plan: { ...plan, dispatcher: { ...plan.dispatcher, reservedConcurrency } } };
    const alarm = alarmsOf(args(change)).find(({ key }) => key === "dispatcher-throttled");
    assert(alarm);
    return alarm;
  };

  it("recommend a higher Lambda quota only if the dispatcher can use it", () => {
    assert.match(throttlingWith(MAX_EXECUTIONS).action, /^It has all 14 executions that it can use/);
    assert.match(
      throttlingWith(6).action,
      /^It has 6 of the 14 executions that it can use: raise .*quotas\.lambdaConcurrency/,
    );
  });

  it("name the account's unreserved concurrency if the dispatcher reserves none", () => {
    const { summary, action } = throttlingWith(undefined);
    assert.match(summary, /than the account's unreserved concurrency allows\.$/);
    assert.match(action, /^It shares this concurrency with other functions: raise .*quotas\.lambdaConcurrency/);
    assert.match(throttlingWith(6).summary, /than its reserved concurrency allows\.$/);
  });

  it("expect more than 80 % of the usable connections at full load only if the plan allows more", () => {
    const actionWith = (total: number) => {
      const change = { plan: { ...plan, database: { ...plan.database, usable: 100, total } } };
      return alarmsOf(args(change)).find(({ key }) => key === "connections")?.action ?? "";
    };
    assert.match(actionWith(80), /^All components together open at most 80, so check for other clients first /);
    assert.match(
      actionWith(81),
      /^All components together open at most 81, so this is expected at full load\. At a lower/,
    );
  });

  it("have thresholds that follow from the stack's capacity and configuration", async () => {
    const registry = await create();
    const threshold = (key: string) =>
      alarmsIn(registry).find(({ name }) => name === `rates-dev-monitoring-${key}`)?.inputs.threshold;
    assert.equal(threshold("glue-full"), plan.glue.maxConcurrentRuns);
    assert.equal(threshold("ec2-full"), plan.ec2.maxInstances);
    assert.equal(threshold("connections"), Math.floor(0.8 * plan.database.usable));
    assert.equal(threshold("database-storage"), 25 * 2 ** 30);
    assert.equal(threshold("database-disk"), 2_700);
    assert.equal(threshold("dispatcher-slow"), 48_000);
    assert.equal(threshold("glue-waiting"), 900);
    assert.equal(threshold("responses-old"), 7 * 86_400);
    assert.equal(threshold("responses-old-acme"), 7 * 86_400);
    assert.equal(threshold("opensearch-nodes"), 3);
    assert.equal(threshold("opensearch-storage"), 5 * 1_024);
  });

  it("treat missing data as a failure when a component must report", async () => {
    const breaching = alarmsIn(await create())
      .filter(({ inputs }) => inputs.treatMissingData === "breaching")
      .map(({ name }) => name.replace("rates-dev-monitoring-", ""));
    assert.deepEqual(breaching.sort(), [
      "api-down",
      "database-cpu",
      "database-storage",
      "figures-missing",
      "opensearch-nodes",
    ]);
  });

  it("cover OpenSearch when the stack has it", () => {
    const { tracking: _, ...withoutTracking } = args();
    assert.ok(alarmsOf(withoutTracking).every(({ key }) => !key.startsWith("opensearch")));
    assert.equal(alarmsOf(args()).filter(({ key }) => key.startsWith("opensearch")).length, 5);
  });

  it("combine several metrics by their ids", async () => {
    const combined = alarmsIn(await create()).filter(({ inputs }) => inputs.metricQueries);
    assert.equal(combined.length, 2);
    for (const { inputs } of combined) {
      const [first, ...rest] = inputs.metricQueries;
      assert.equal(first.returnData, true);
      const ids = rest.map(({ id }: { id: string }) => id);
      assert.deepEqual([...new Set(first.expression.match(/\b[a-z]\w*/g))].sort(), ids.sort());
    }
  });
});

describe("the topic and the budget", () => {
  const policyOf = async (type: string) => JSON.parse((await create()).resource(type).inputs.policy);

  it("accept only notifications of this account's alarms and budgets, over TLS, and encrypt them", async () => {
    const registry = await create();
    assert.match(registry.resource("aws:sns/topic:Topic").inputs.kmsMasterKeyId, /^arn:aws:kms:/);
    const [alarms, budgets, tlsStatement] = (await policyOf("aws:sns/topicPolicy:TopicPolicy")).Statement;
    for (const { Principal, Condition } of [alarms, budgets]) {
      assert.match(Principal.Service, /^(cloudwatch|budgets)\.amazonaws\.com$/);
      assert.equal(Condition.StringEquals["aws:SourceAccount"], ACCOUNT);
      assert.match(
        Condition.ArnLike["aws:SourceArn"],
        new RegExp(`^arn:aws:(cloudwatch:${REGION}|budgets:):${ACCOUNT}:`),
      );
    }
    assert.equal(tlsStatement.Effect, "Deny");
    assert.deepEqual(tlsStatement.Condition, { Bool: { "aws:SecureTransport": "false" } });
    const [, publishers] = (await policyOf("aws:kms/key:Key")).Statement;
    assert.deepEqual(publishers.Principal.Service, ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]);
    assert.deepEqual(publishers.Condition, { StringEquals: { "aws:SourceAccount": ACCOUNT } });
    assert.equal(registry.resource("aws:kms/key:Key").inputs.enableKeyRotation, true);
  });

  it("notify the stack's address of actual and forecast costs", async () => {
    const registry = await create();
    const { protocol, endpoint } = registry.resource("aws:sns/topicSubscription:TopicSubscription").inputs;
    assert.deepEqual([protocol, endpoint], ["email", "team@example.com"]);
    const { limitAmount, limitUnit, timeUnit, notifications } = registry.resource("aws:budgets/budget:Budget").inputs;
    assert.deepEqual([limitAmount, limitUnit, timeUnit], ["300", "USD", "MONTHLY"]);
    assert.deepEqual(
      notifications.map((notification: Record<string, unknown>) => [
        notification.notificationType,
        notification.threshold,
      ]),
      [
        ["ACTUAL", 80],
        ["ACTUAL", 100],
        ["FORECASTED", 100],
      ],
    );
  });

  it("are children of the component", async () => {
    const registry = await create();
    const { urn } = registry.resource("rates:infra:Monitoring");
    assert.ok(registry.all.filter(({ type }) => type.startsWith("aws:")).every(({ parent }) => parent === urn));
  });
});

describe("monitoring in the real engine", () => {
  let dev: Engine | undefined;
  before(function () {
    requireEngine(this);
  });
  afterEach(() => dev?.close());

  const program =
    (change: Partial<MonitoringArgs> = {}) =>
    async () => {
      const provider = new Provider("aws", { region: REGION });
      // Names that are unknown in a preview.
      const queue = new Queue("requests", {}, { provider });
      const requests = queue.arn.apply((arn) => arn.split(":").at(-1) ?? "");
      const { queues } = args();
      const monitoring = new Monitoring("rates-dev-monitoring", args({ queues: { ...queues, requests }, ...change }), {
        providers: { aws: provider },
      });
      return { url: monitoring.url };
    };

  it("has no changes when nothing changed, and is updated in place when the capacity changes", async function () {
    this.timeout(120_000);
    dev = await engine({ program: program() });
    const preview = await dev.preview();
    const dashboard = preview.steps.find(({ type }) => type === "aws:cloudwatch/dashboard:Dashboard");
    assert.equal(dashboard?.inputs.dashboardBody, UNKNOWN);
    await dev.up();
    assert.match(String((await dev.outputs()).url), /region=eu-central-1#dashboards\/dashboard\/rates-dev-monitoring$/);
    assert.deepEqual(Object.keys((await dev.preview()).changes), ["same"]);
    dev.use(program({ plan: { ...plan, ec2: { maxInstances: plan.ec2.maxInstances + 1 } } }));
    const changed = (await dev.up()).steps.filter(({ op, type }) => op !== "same" && type !== "pulumi:pulumi:Stack");
    assert.deepEqual(changed.map(({ op, name, changed: properties }) => [op, name, ...properties]).sort(), [
      ["update", "rates-dev-monitoring", "dashboardBody"],
      ["update", "rates-dev-monitoring-ec2-full", "alarmDescription", "threshold"],
      ["update", "rates-dev-monitoring-ec2-waiting", "alarmDescription"],
    ]);
  });
});
