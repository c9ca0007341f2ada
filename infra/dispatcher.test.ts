import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Provider } from "@pulumi/aws/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { ROOT } from "../runtime/platform/root.ts";
import { SqlParser } from "../runtime/queries/sql/parser.ts";
import { requireEngine } from "../stacks/testing/command.ts";
import { type Engine, engine } from "../stacks/testing/engine.ts";
import { Cloud } from "../stacks/testing/provider/cloud.ts";
import { DISPATCHER, DISPATCHER_BUNDLE, Dispatcher, type DispatcherArgs } from "./dispatcher.ts";
import { Queues } from "./queues.ts";
import { bundle, bundleCode } from "./shared/bundle.ts";
import { mocked, REGION } from "./testing/mocks.ts";

const endpoint = {
  host: pulumi.output("db"),
  port: 5432,
  name: "rates",
  resourceId: pulumi.output("db-1"),
  securityGroupId: pulumi.output("sg-db"),
};
const argsWith = (queues: Queues): DispatcherArgs => ({
  placement: { vpcId: "vpc-1", subnetIds: ["subnet-1"] },
  outbound: { description: pulumi.output<string>, endpoints: [] },
  settings: "{}",
  database: endpoint,
  queues,
  reservedConcurrency: 14,
  eventSourceConcurrency: 10,
  wakeupConcurrency: 2,
  statements: [],
  glueJobName: "reads",
  arch: "arm64",
  retentionDays: 30,
});
const QUEUES = { consumer: DISPATCHER, tenants: [], callers: [], responseDays: 14 };
const create = async (change: Partial<DispatcherArgs> = {}, preview = false) => {
  const program = () => new Dispatcher("d", { ...argsWith(new Queues("q", QUEUES)), ...change });
  return (await mocked(program, { preview })).registry;
};

describe("the dispatcher of a stack", () => {
  it("receives messages through an alias, within the planned concurrency, and retries only failed ones", async () => {
    const registry = await create();
    const alias = registry.resource("aws:lambda/alias:Alias");
    assert.equal(alias.inputs.functionVersion, "7");
    assert.equal(
      registry.resource("aws:lambda/function:Function").inputs.publish,
      true,
      "each deployment is a version",
    );
    for (const [label, concurrency] of [
      ["requests", 10],
      ["wakeups", 2],
    ] as const) {
      const { inputs } = registry.resource("aws:lambda/eventSourceMapping:EventSourceMapping", `d-${label}`);
      assert.equal(inputs.functionName, "arn:aws:lambda:eu-central-1:111111111111:d");
      assert.deepEqual(inputs.scalingConfig, { maximumConcurrency: concurrency });
      assert.deepEqual(inputs.functionResponseTypes, ["ReportBatchItemFailures"]);
    }
  });

  it("reserves its concurrency, or nothing when the account has too little", async () => {
    const reserved = async (count: number | undefined) =>
      (await create({ reservedConcurrency: count })).resource("aws:lambda/function:Function").inputs
        .reservedConcurrentExecutions;
    assert.equal(await reserved(14), 14);
    assert.equal(await reserved(undefined), undefined);
  });

  it("is invoked by run state changes and the schedule, which may invoke only the alias", async () => {
    const registry = await create();
    const rules = registry.ofType("aws:cloudwatch/eventRule:EventRule");
    assert.deepEqual(rules.map(({ name }) => name).sort(), ["d-ec2", "d-glue", "d-schedule"]);
    assert.deepEqual(
      JSON.parse(registry.resource("aws:cloudwatch/eventRule:EventRule", "d-glue").inputs.eventPattern).detail,
      { jobName: ["reads"] },
    );
    assert.deepEqual(
      JSON.parse(registry.resource("aws:cloudwatch/eventRule:EventRule", "d-ec2").inputs.eventPattern).detail,
      { state: ["terminated", "stopped"] },
    );
    // The next scheduled event does the work of a failed one.
    const asyncInvocation = registry.resource("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs;
    assert.deepEqual([asyncInvocation.maximumRetryAttempts, asyncInvocation.qualifier], [0, "live"]);
    for (const { name } of rules) {
      const { inputs } = registry.resource("aws:lambda/permission:Permission", name);
      assert.deepEqual([inputs.principal, inputs.qualifier], ["events.amazonaws.com", "live"]);
      assert.match(inputs.sourceArn, new RegExp(`${name}$`));
    }
  });

  it("is invoked when the stack is created and before it is destroyed", async () => {
    const { inputs } = (await create()).resource("aws:lambda/invocation:Invocation");
    assert.deepEqual([inputs.lifecycleScope, inputs.qualifier], ["CRUD", "live"]);
  });

  it("has settings in a file, so that its environment is within Lambda's limit for any number of tenants", async () => {
    const { inputs } = (await create({ settings: JSON.stringify({ tenants: "x".repeat(10_000) }) })).resource(
      "aws:lambda/function:Function",
    );
    const { variables } = inputs.environment;
    assert.ok(JSON.stringify(variables).length < 4_096);
    assert.equal(variables.RATES_SETTINGS_FILE, "/var/task/settings.json");
    assert.equal(variables.DATABASE_CA, "/var/task/rds-ca.pem");
    // Lambda sets variables with these names and refuses a function that sets them too (AWS Lambda Developer Guide,
    // environment variables).
    assert.deepEqual(
      Object.keys(variables).filter((key) => /^(AWS|LAMBDA|_)/.test(key)),
      [],
    );
    assert.ok(Object.keys(inputs.code.assets).includes("settings.json"));
  });

  it("may receive requests and wake-ups, defer requests, send responses and dead letters, and write its own log", async () => {
    const registry = await create();
    const [receive, send, defer, logs, network] = registry.statements("d");
    assert.deepEqual(receive?.Action, ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]);
    assert.equal(receive?.Resource.length, 2);
    assert.deepEqual([send?.Action, send?.Resource.length], [["sqs:SendMessage"], 2]);
    assert.deepEqual([defer?.Action, defer?.Resource.length], [["sqs:ChangeMessageVisibility"], 1]);
    assert.deepEqual(logs?.Resource.length, 1);
    assert.ok(network?.Action.every((action) => action.startsWith("ec2:")));
    assert.ok(!registry.statements("d").some(({ Action }) => Action.includes("*")));
  });

  it("keeps its role until its network interfaces and their security group are deleted", async () => {
    const registry = await create();
    const { dependencies } = registry.resource("aws:ec2/securityGroup:SecurityGroup", "d");
    assert.ok(dependencies.includes(registry.resource("aws:iam/rolePolicy:RolePolicy", "d").urn));
  });

  it("can be previewed before any resource exists", async () => {
    await create({}, true);
  });
});

describe("the drain of the dispatcher, in the real engine", () => {
  let dev: Engine | undefined;
  before(function () {
    requireEngine(this);
  });
  afterEach(() => dev?.close());

  it("is deleted before its replacement is created, so that runs are allowed afterwards", async () => {
    const actions: string[] = [];
    const cloud = new Cloud({
      lambda: (_, input) => {
        actions.push(JSON.parse(input).tf.action);
        return null;
      },
    });
    const program = async () => {
      const providers = { aws: new Provider("aws", { region: REGION }) };
      new Dispatcher("d", argsWith(new Queues("q", QUEUES, { providers })), { providers });
      return {};
    };
    dev = await engine({ program, cloud });
    await dev.up();
    // As `pulumi state taint` does.
    const { deployment, ...state } = await dev.exportState();
    const resources = deployment.resources.map((resource: { urn: string }) =>
      resource.urn.endsWith("::d-drain") ? { ...resource, taint: true } : resource,
    );
    await dev.importState({ ...state, deployment: { ...deployment, resources } });
    await dev.up();
    assert.deepEqual(actions, ["create", "delete", "create"]);
  });
});

describe("bundle of the dispatcher", () => {
  let code: string;
  let folder: string;
  let env: NodeJS.ProcessEnv;
  before(async function () {
    this.timeout(20_000);
    code = await bundleCode(DISPATCHER_BUNDLE);
    folder = mkdtempSync(join(tmpdir(), "rates-bundle-"));
    // Packages that Lambda provides.
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "index.mjs"), code);
    const settings = {
      queues: { requests: "r", wakeups: "w", deadLetters: "d", responses: "a", tenants: {} },
      buckets: { results: "results", uploads: "uploads" },
      glue: { jobName: "reads", maxCapacity: 0.0625 },
      ec2: { launchTemplateId: "lt-1", launchTemplateVersion: "1", subnetIds: ["subnet-1"] },
    };
    writeFileSync(join(folder, "settings.json"), JSON.stringify(settings));
    env = { ...process.env, AWS_REGION: "eu-central-1", RATES_SETTINGS_FILE: join(folder, "settings.json") };
    delete env.RATES_SETTINGS;
  });
  after(() => rmSync(folder, { recursive: true }));

  it("contains every file that the function's environment names", async () => {
    const { inputs } = (await create()).resource("aws:lambda/function:Function");
    const fileVariables = Object.entries<string>(inputs.environment.variables)
      .filter(([, value]) => value.startsWith("/var/task/"))
      .map(([name, value]) => [name, value.slice("/var/task/".length)] as const);
    assert.ok(
      fileVariables.some(([name]) => name === "RATES_SQL_PARSER"),
      "the parser's worker is a separate file",
    );
    const files = Object.keys(inputs.code.assets);
    for (const [name, file] of fileVariables)
      assert.ok(
        files.some((path) => path === file || path.startsWith(`${file}/`)),
        `${name} is ${file}, and the archive has ${files.join(", ")}`,
      );
  });

  it("contains the SQL parser: its worker and the WASM module load from the archive", async function () {
    this.timeout(30_000);
    const assets = (await (await bundle(DISPATCHER_BUNDLE)).assets) as Record<string, { path: Promise<string> }>;
    for (const name of ["sqlParser.mjs", "libpg-query.wasm"]) {
      const asset = assets[name];
      assert(asset, name);
      copyFileSync(await asset.path, join(folder, name));
    }
    const parser = new SqlParser({ entry: join(folder, "sqlParser.mjs") });
    try {
      assert.deepEqual(await parser.check("select code from ports; -- all"), { sql: "select code from ports" });
      assert.ok("refused" in (await parser.check("select pg_sleep(1)")));
    } finally {
      await parser.close();
    }
  });

  it("is under 1.3 MB and excludes only packages that the runtime provides: the SDK's clients and their parts", () => {
    assert.ok(Buffer.byteLength(code) < 1_300_000, `${Buffer.byteLength(code)} bytes`);
    const external = [...code.matchAll(/(?:from|import\()"((?!node:|\.)[^"]+)"/g)].map(([, from = ""]) => from);
    assert.ok(external.includes("@aws-sdk/client-sqs"));
    assert.deepEqual(
      external.filter((from) => !/^@(aws-sdk\/client-|smithy\/)/.test(from)),
      [],
    );
  });

  it("loads only the SDK's clients of SQS, Glue and EC2 at its start", () => {
    const loaded = new Set([...code.matchAll(/from"(@aws-sdk\/client-[^"]+)"/g)].map(([, from]) => from));
    assert.deepEqual([...loaded].sort(), ["@aws-sdk/client-ec2", "@aws-sdk/client-glue", "@aws-sdk/client-sqs"]);
  });

  it("starts with its settings file", async () => {
    await promisify(execFile)(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `const { handler } = await import(${JSON.stringify(pathToFileURL(join(folder, "index.mjs")).href)});
        process.exit(typeof handler === "function" ? 0 : 1);`,
      ],
      { env },
    );
  }).timeout(30_000);
});
