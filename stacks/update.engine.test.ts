import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { requireEngine } from "./testing/command.ts";
import type { Run } from "./testing/run.ts";
import { stackEngine } from "./testing/stackEngine.ts";

const SETTINGS = fileURLToPath(new URL("../Pulumi.dev.yaml", import.meta.url));
const dev: Record<string, Record<string, unknown>> = parse(readFileSync(SETTINGS, "utf8")).config;
const of = (key: string) => dev[`rates-platform:${key}`] ?? {};

/** Types with data that a replacement would lose. */
const HOLDS_DATA = /^aws:(rds\/instance|s3\/bucket|sqs\/queue|ecr\/repository):/;

/** Resources that contain the runtime settings and change with them; a task definition is always replaced. */
const SETTINGS_CHANGE = [
  "replace TaskDefinition api",
  "update Alias dispatcher",
  "update Function dispatcher",
  "update Job glue",
  "update LaunchTemplate ec2",
  "update Service api",
];

/** Changes of a configuration, and all resources that each of them may change. */
const CHANGES: readonly { what: string; config: Record<string, unknown>; expectedTypes: readonly string[] }[] = [
  {
    what: "a smaller share of the quotas, and the instances that fit it",
    config: {
      quotas: { ...of("quotas"), share: 0.25 },
      runners: { ...of("runners"), ec2: { ...(of("runners").ec2 as object), maxInstances: 2 } },
    },
    expectedTypes: [
      ...SETTINGS_CHANGE,
      // Each run slot has its own login role.
      "replace Invocation migrations-roles",
      "update Dashboard monitoring",
      "update MetricAlarm monitoring-ec2-full",
      "update MetricAlarm monitoring-ec2-waiting",
    ],
  },
  {
    what: "a longer retention",
    config: { data: { ...of("data"), retentionDays: 14 } },
    expectedTypes: [
      ...SETTINGS_CHANGE,
      ...["buckets-results", "buckets-uploads", "api-access"].map(
        (bucket) => `update BucketLifecycleConfiguration ${bucket}`,
      ),
      ...[
        "api",
        "database-postgresql",
        "database-upgrade",
        "dispatcher",
        "ec2",
        "migrations",
        "network-flow",
        "smoke",
      ].map((logs) => `update LogGroup ${logs}`),
    ],
  },
  {
    what: "a larger database",
    config: { database: { ...of("database"), instanceClass: "db.t4g.large" } },
    expectedTypes: [
      // The smoke task compares max_connections.
      "replace TaskDefinition smoke",
      "update Dashboard monitoring",
      "update Instance database",
      "update MetricAlarm monitoring-connections",
      "update ParameterGroup database",
    ],
  },
  {
    what: "another network that may reach the API",
    config: { api: { ...of("api"), allowedCidrs: ["192.168.0.0/16"] } },
    expectedTypes: ["create SecurityGroupIngressRule api-80-192-168-0-0-16"],
  },
  {
    what: "a tenant more",
    config: { tenants: ["acme"] },
    expectedTypes: [
      ...SETTINGS_CHANGE,
      "create MetricAlarm monitoring-responses-old-acme",
      "create Queue queues-responses-acme",
      "create QueuePolicy queues-responses-acme",
      "update Dashboard monitoring",
      ...["api", "dispatcher", "ec2", "glue"].map((part) => `update RolePolicy ${part}`),
    ],
  },
];

/** Lists each resource that a run changes, once, although a replacement has several steps. */
const touched = ({ steps }: Pick<Run, "steps">): string[] =>
  steps
    .filter(({ op, type }) => !/^(same|create-replacement|delete-replaced)$/.test(op) && type !== "pulumi:pulumi:Stack")
    .map(({ op, type, name }) => `${op} ${type.replace(/^.*:/, "")} ${name.replace(/^rates-dev-/, "")}`)
    .sort();

const namespaced = (config: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [`rates-platform:${key}`, value]));

describe("an existing stack, in the real engine", () => {
  before(function () {
    requireEngine(this);
  });

  it("changes only what a change of its configuration affects, and replaces nothing with data", async function () {
    this.timeout(480_000);
    const one = await stackEngine("dev");
    const holding = () => [...one.cloud.resources.values()].filter(({ type }) => HOLDS_DATA.test(type));
    try {
      await one.up();
      const before = holding().map(({ urn, id }) => `${urn} ${id}`);
      assert.ok(before.length >= 8, `${before.length} hold data`);

      for (const { what, config, expectedTypes } of CHANGES) {
        one.configure({ ...dev, ...namespaced({ tenants: [], ...config }) });
        assert.deepEqual(touched(await one.preview()), [...expectedTypes].sort(), what);
      }

      one.configure(namespaced(Object.assign({}, ...CHANGES.map(({ config }) => config))));
      const all = new Set(CHANGES.flatMap(({ expectedTypes }) => expectedTypes));
      assert.deepEqual(touched(await one.up()), [...all].sort(), "all of them at once");
      const after = holding().map(({ urn, id }) => `${urn} ${id}`);
      assert.deepEqual(
        before.filter((each) => !after.includes(each)),
        [],
        "what holds data stays",
      );
      assert.deepEqual(Object.keys((await one.preview()).changes), ["same"], "a further preview has no changes");
    } finally {
      await one.close();
    }
  });
});
