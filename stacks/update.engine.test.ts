import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { requireEngine } from "./testing/command.ts";
import type { Run } from "./testing/run.ts";
import { stackEngine } from "./testing/stackEngine.ts";

const SETTINGS = fileURLToPath(new URL("../Pulumi.dev.yaml", import.meta.url));
const dev: Record<string, Record<string, unknown>> = parse(readFileSync(SETTINGS, "utf8")).config;
const configOf = (key: string) => dev[`rates-platform:${key}`] ?? {};

/** Types with data that a replacement would lose. */
const HOLDS_DATA = /^aws:(rds\/instance|s3\/bucket|sqs\/queue|ecr\/repository):/;

/**
 * Resources that change with the runtime settings: those that contain them, and those that refer to a version of such a
 * resource. Any change to a task definition replaces it.
 */
const SETTINGS_CHANGE = [
  "replace TaskDefinition api",
  "update Alias dispatcher",
  "update Function dispatcher",
  "update Job glue",
  "update LaunchTemplate ec2",
  "update Service api",
];

/** Changes to a configuration, each with the changes of resources that it must cause. */
const CHANGES: readonly { title: string; config: Record<string, unknown>; expectedChanges: readonly string[] }[] = [
  {
    title: "a smaller share of the quotas, and the instances that fit it",
    config: {
      quotas: { ...configOf("quotas"), share: 0.25 },
      runners: { ...configOf("runners"), ec2: { ...(configOf("runners").ec2 as object), maxInstances: 2 } },
    },
    expectedChanges: [
      ...SETTINGS_CHANGE,
      // Each slot has its own database role.
      "replace Invocation migrations-roles",
      "update Dashboard monitoring",
      "update MetricAlarm monitoring-connections",
      "update MetricAlarm monitoring-ec2-full",
      "update MetricAlarm monitoring-ec2-waiting",
    ],
  },
  {
    title: "a longer retention",
    config: { data: { ...configOf("data"), retentionDays: 14 } },
    expectedChanges: [
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
    title: "a larger database",
    config: { database: { ...configOf("database"), instanceClass: "db.t4g.large" } },
    expectedChanges: [
      // The smoke task compares max_connections.
      "replace TaskDefinition smoke",
      "update Dashboard monitoring",
      "update Instance database",
      "update MetricAlarm monitoring-connections",
      "update ParameterGroup database",
    ],
  },
  {
    title: "another network that may reach the API",
    config: { api: { ...configOf("api"), allowedCidrs: ["192.168.0.0/16"] } },
    expectedChanges: ["create SecurityGroupIngressRule api-80-192-168-0-0-16"],
  },
  {
    title: "an additional tenant",
    config: { tenants: ["acme"] },
    expectedChanges: [
      ...SETTINGS_CHANGE,
      "create MetricAlarm monitoring-responses-old-acme",
      "create Queue queues-responses-acme",
      "create QueuePolicy queues-responses-acme",
      "update Dashboard monitoring",
      ...["api", "dispatcher", "ec2", "glue"].map((component) => `update RolePolicy ${component}`),
    ],
  },
];

/** Lists the changes of a preview or an up, once per resource although a replacement has several steps. */
const changesOf = ({ steps }: Pick<Run, "steps">): string[] =>
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

  it("changes only what a change of its configuration affects, and never replaces a resource that holds data", async function () {
    this.timeout(480_000);
    const pulumi = await stackEngine("dev");
    const dataResources = () => [...pulumi.cloud.resources.values()].filter(({ type }) => HOLDS_DATA.test(type));
    try {
      await pulumi.up();
      const before = dataResources().map(({ urn, id }) => `${urn} ${id}`);
      assert.ok(before.length >= 8, `${before.length} resources hold data`);

      for (const { title, config, expectedChanges } of CHANGES) {
        pulumi.configure({ ...dev, ...namespaced({ tenants: [], ...config }) });
        assert.deepEqual(changesOf(await pulumi.preview()), [...expectedChanges].sort(), title);
      }

      pulumi.configure(namespaced(Object.assign({}, ...CHANGES.map(({ config }) => config))));
      const allChanges = new Set(CHANGES.flatMap(({ expectedChanges }) => expectedChanges));
      assert.deepEqual(changesOf(await pulumi.up()), [...allChanges].sort(), "all changes at once");
      const after = dataResources().map(({ urn, id }) => `${urn} ${id}`);
      assert.deepEqual(
        before.filter((resource) => !after.includes(resource)),
        [],
        "resources with data that were replaced",
      );
      assert.deepEqual(Object.keys((await pulumi.preview()).changes), ["same"], "a further preview has no changes");
    } finally {
      await pulumi.close();
    }
  });
});
