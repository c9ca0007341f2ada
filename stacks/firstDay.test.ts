import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { connectionOptions, ROLES, type Role, readerRole } from "../runtime/platform/postgres.ts";
import { requirePython } from "../runtime/testing/python/python.ts";
import { MASTER } from "../runtime/testing/rds/rds.ts";
import { blocksOf } from "./docs/commands.ts";
import { COMPONENTS, type Component, Deployment, INSTANCE } from "./testing/deployment/deployment.ts";

const SLOTS = { glue: 3, ec2: 2 };
const INSTANCE_ENDED = { source: "aws.ec2", detail: { state: "terminated" } };
const WAKEUP = { Records: [{ eventSourceARN: "arn:aws:sqs:eu-central-1:111111111111:rates-dev-queues-wakeups" }] };
const TOKEN_REFUSED = { code: "28000", message: /^PAM authentication failed/ };
/** Rows to load, by target. The name of a target is also the id of its request. */
const LOADS = {
  regions: [{ slug: "north_sea", name: "North Sea" }],
  ports: [
    { code: "AAAAA", name: "A", parent_slug: "north_sea" },
    { code: "BBBBB", name: "B", parent_slug: "north_sea" },
  ],
  prices: [1500, 1600, 1700].map((price) => ({ orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-31", price })),
};

// Each test continues with the stack that the previous one left.
describe("first day of a stack, on a simulated RDS", function () {
  this.timeout(120_000);
  let stack: Deployment;
  let migrations = "";
  let dispatcher = "";
  let token = "";
  let api = "";
  before(async () => {
    stack = await Deployment.create();
    migrations = stack.unpack("migrations");
    dispatcher = stack.unpack("dispatcher");
  });
  after(() => stack?.stop());

  const migrate = (...events: object[]) => stack.invoke("migrations", migrations, ...events);
  /** Invokes the dispatcher with EventBridge's event for an ended instance, and with a wake-up message. */
  const wake = () => stack.invoke("dispatcher", dispatcher, INSTANCE_ENDED, WAKEUP);
  /** Logs in with the production code and a component's credentials. */
  const logIn = async (component: Component, role: Role): Promise<string> => {
    const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"];
    const before = names.map((name) => [name, process.env[name]] as const);
    Object.assign(process.env, stack.componentEnv(component));
    try {
      const client = new pg.Client(connectionOptions(role, stack.componentEnv(component)));
      client.on("error", () => undefined);
      await client.connect();
      const { rows } = await client.query("select current_user::text as me");
      await client.end();
      return rows[0].me;
    } finally {
      for (const [name, value] of before)
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
    }
  };
  // biome-ignore lint/suspicious/noExplicitAny: the fields of a response depend on the path
  const callApi = async (path: string, init: RequestInit = {}): Promise<{ status: number; body: any }> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(new URL(path, api), { headers, ...init });
    return { status: response.status, body: await response.json() };
  };
  const submit = async (requestId: string, task: object) => {
    const { status, body } = await callApi("/jobs", { method: "POST", body: JSON.stringify({ requestId, task }) });
    assert.equal(status, 202, JSON.stringify(body));
  };
  const statusOf = async (requestId: string) => (await callApi(`/jobs/${requestId}`)).body;

  it("creates roles as the master, then tables as the migrator, in separate invocations", async () => {
    assert.deepEqual(stack.stepEvent("rates-dev-migrations-roles"), { step: "roles", slots: SLOTS });
    const [roles] = (await migrate(stack.stepEvent("rates-dev-migrations-roles"))) as [{ created: string[] }];
    assert.equal(roles.created.length, ROLES.length + SLOTS.glue + SLOTS.ec2);
    const [migrated] = (await migrate(stack.stepEvent("rates-dev-migrations"))) as [{ applied: string[] }];
    assert.ok(migrated.applied.includes("0001_prices"), migrated.applied.join(", "));
  });

  it("changes nothing the second time, and the master can still log in", async () => {
    assert.deepEqual(await migrate(stack.stepEvent("rates-dev-migrations-roles")), [{ created: [] }]);
    assert.deepEqual(await migrate(stack.stepEvent("rates-dev-migrations")), [{ applied: [] }]);
    assert.ok(!(await stack.rds.instance(INSTANCE).needsToken(MASTER)));
  });

  it("stores the first token's hash, and the API accepts the token", async () => {
    const line = blocksOf("docs/first-deployment.md")
      .flatMap(({ text }) => text.split("\n"))
      .find((command) => command.startsWith("npx node runtime/image/token.ts"));
    const [, , ...args] = line?.replace(/ > .*/, "").split(" ") ?? [];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const [result] = (await migrate(JSON.parse(stdout))) as [{ tokenId: string }];
    token = stderr.trim();
    assert.match(result.tokenId, /^[0-9a-f]{12}$/);
    api = await stack.startApi();
    assert.equal((await callApi("/readyz")).status, 200);
    assert.equal((await callApi("/jobs")).status, 200);
    token = `${token}x`;
    assert.equal((await callApi("/jobs")).status, 401);
    token = token.slice(0, -1);
  });

  it("verifies with a first invocation that the dispatcher reaches its database", async () => {
    assert.deepEqual(await stack.invoke("dispatcher", dispatcher, { tf: { action: "create" } }), [null]);
  });

  it("accepts updates over HTTP, starts an instance, and loads them with the TypeScript runner", async () => {
    for (const [target, inline] of Object.entries(LOADS)) {
      await submit(target, { type: "update", target, source: { inline } });
      await wake();
      assert.equal(await stack.executeRuns("ec2"), 1);
      const job = await statusOf(target);
      assert.equal(job.status, "SUCCEEDED", JSON.stringify(job.error));
    }
    const { body } = await callApi("/rates?date_from=2021-01-31&date_to=2021-01-31&orig_code=AAAAA&dest_code=BBBBB");
    assert.deepEqual(body, { rates: [{ day: "2021-01-31", price: 1600, count: 3 }] });
  });

  it("accepts a read from the queue, and executes it with the Glue runner", async function () {
    const python = requirePython(this, "python");
    const request = {
      requestId: "read",
      task: { type: "read", sql: "select count(*) as n from prices", format: "json" },
    };
    const record = {
      messageId: "1",
      receiptHandle: "1",
      body: JSON.stringify(request),
      attributes: { ApproximateReceiveCount: "1", SentTimestamp: "0", SenderId: "AIDA" },
      messageAttributes: {},
      eventSourceARN: "arn:aws:sqs:eu-central-1:111111111111:rates-dev-queues-requests",
    };
    assert.deepEqual(await stack.invoke("dispatcher", dispatcher, { Records: [record] }), [{ batchItemFailures: [] }]);
    assert.equal(await stack.executeRuns("glue", python), 1);
    const job = await statusOf("read");
    assert.equal(job.status, "SUCCEEDED", JSON.stringify(job.error));
    assert.deepEqual((await callApi("/jobs/read/response")).body.result.inline, [{ n: 3 }]);
  });

  it("lets each component log in as the roles that its policy names, and as no other role", async () => {
    const roles: Role[] = [...ROLES, readerRole("glue", 1), readerRole("glue", 3), readerRole("ec2", 2)];
    const allowed = (component: Component, role: Role) =>
      stack
        .policy(component)
        .filter(({ Action }) => Action.includes("rds-db:connect"))
        .flatMap(({ Resource }) => Resource.map((resource) => resource.split("/").at(-1) ?? ""))
        .some((name) => name === role || (name.endsWith("*") && role.startsWith(name.slice(0, -1))));
    for (const component of COMPONENTS) {
      assert.ok(
        roles.some((role) => allowed(component, role)),
        component,
      );
      for (const role of roles)
        if (allowed(component, role)) assert.equal(await logIn(component, role), role);
        else await assert.rejects(logIn(component, role), TOKEN_REFUSED, `${component} as ${role}`);
    }
  });

  it("creates the roles of additional slots when capacity grows, and they can log in at once", async () => {
    await assert.rejects(logIn("glue", readerRole("glue", 4)));
    const slots = { glue: 4, ec2: 2 };
    assert.deepEqual(await migrate({ step: "roles", slots }), [{ created: ["job_reader_glue_4"] }]);
    assert.equal(await logIn("glue", readerRole("glue", 4)), "job_reader_glue_4");
  });

  it("applies the changes of a later version: a function's body, and a new migration", async () => {
    const file = join(migrations, "functions/jobs/iso.sql");
    writeFileSync(file, `-- Changed by a later version.\n${readFileSync(file, "utf8")}`);
    writeFileSync(join(migrations, "migrations/0005_notes.sql"), "alter table public.ports add column note text;\n");
    assert.deepEqual(await migrate({ step: "migrate" }), [{ applied: ["0005_notes", "functions/jobs/iso.sql"] }]);
    assert.deepEqual(await migrate({ step: "migrate" }), [{ applied: [] }]);
  });

  it("fails to create roles if the master inherits rds_iam", async () => {
    const instance = stack.rds.instance(INSTANCE);
    await instance.query(`grant migrator to ${MASTER} with inherit true`);
    await assert.rejects(migrate(stack.stepEvent("rates-dev-migrations-roles")), /PAM authentication failed/);
    await instance.query(`revoke migrator from ${MASTER}`);
    assert.deepEqual(await migrate(stack.stepEvent("rates-dev-migrations-roles")), [{ created: [] }]);
  });

  it("restores to a point in time with the steps of docs/operating.md, in their order", async () => {
    const restored = `${INSTANCE}-restored`;
    const withNames = (command: string) => command.replaceAll("<instance>", INSTANCE);
    const option = (command: string, name: string) => new RegExp(`--${name} (\\S+)`).exec(command)?.[1] ?? "";
    const executed: string[] = [];
    const oldResourceId = stack.rds.resourceId(INSTANCE);
    const runCommand = async (command: string) => {
      const [name = ""] = /^(?:aws rds|npm run pulumi --) [\w-]+(?: (?:export|import))?|^sed/.exec(command) ?? [];
      executed.push(name);
      if (name === "aws rds restore-db-instance-to-point-in-time")
        await stack.rds.restore(
          option(command, "source-db-instance-identifier"),
          option(command, "target-db-instance-identifier"),
          { iam: command.includes("--enable-iam-database-authentication") },
        );
      else if (name === "aws rds modify-db-instance" && command.includes("--new-db-instance-identifier"))
        stack.rds.rename(option(command, "db-instance-identifier"), option(command, "new-db-instance-identifier"));
      else if (name === "aws rds modify-db-instance" && command.includes("--manage-master-user-password"))
        await stack.rds.manageMasterPassword(option(command, "db-instance-identifier"));
      else if (name === "npm run pulumi -- up") {
        await assert.rejects(logIn("api", "api_reader"), TOKEN_REFUSED, "permissions are for the old instance");
        stack.update();
      }
      // restore.engine.test.ts tests the commands that change Pulumi's state.
      else assert.match(name, /describe-db-instances|stack export|stack import|refresh|^sed/, command);
    };

    // A price that the loop below adds after the restore point.
    const price = [{ ...LOADS.prices[0], price: 9_000 }];
    const commands = blocksOf("docs/operating.md")
      .filter(({ text }) => /restore-db-instance-to-point-in-time|--new-db-instance-identifier/.test(text))
      .flatMap(({ text }) => withNames(text.replaceAll(/\\\n\s*/g, "")).split("\n"));
    for (const command of commands) {
      await runCommand(command);
      if (!command.includes("restore-db-instance")) continue;
      assert.notEqual(stack.rds.resourceId(restored), oldResourceId);
      await submit("late", { type: "update", target: "prices", source: { inline: price } });
      await wake();
      assert.equal(await stack.executeRuns("ec2"), 1);
      assert.equal((await statusOf("late")).status, "SUCCEEDED");
    }
    assert.deepEqual(executed, [
      "aws rds restore-db-instance-to-point-in-time",
      "aws rds describe-db-instances",
      "aws rds modify-db-instance",
      "aws rds modify-db-instance",
      "aws rds modify-db-instance",
      "npm run pulumi -- stack export",
      "sed",
      "npm run pulumi -- stack import",
      "npm run pulumi -- refresh",
      "npm run pulumi -- up",
    ]);

    // The address is unchanged, the data is from the restore point, and the id of the lost request is free again.
    const { body } = await callApi("/rates?date_from=2021-01-31&date_to=2021-01-31&orig_code=AAAAA&dest_code=BBBBB");
    assert.deepEqual(body, { rates: [{ day: "2021-01-31", price: 1600, count: 3 }] });
    assert.equal((await callApi("/jobs/late")).status, 404);
    assert.deepEqual(await migrate(stack.stepEvent("rates-dev-migrations-roles")), [{ created: [] }]);
    const [rebuilt] = (await stack.invoke("dispatcher", dispatcher, { rebuild: true })) as [{ documents: number }];
    assert.ok(rebuilt.documents >= 3, `${rebuilt.documents} documents`);
    await submit("late", { type: "update", target: "prices", source: { inline: price } });
    await wake();
    assert.equal(await stack.executeRuns("ec2"), 1);
    assert.equal((await statusOf("late")).status, "SUCCEEDED");
  });
});
