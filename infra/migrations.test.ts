import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import pg from "pg";
import { callerOf, newToken } from "../runtime/store/tokens.ts";
import { testDatabase } from "../runtime/testing/cluster.ts";
import { Database } from "./database.ts";
import { Migrations, migrationsVersion } from "./migrations.ts";
import { bundleCode } from "./shared/bundle.ts";
import { mocked, resolved } from "./testing/mocks.ts";

const placement = { vpcId: "vpc-1", subnetIds: ["subnet-1"] };
const create = (preview = false) =>
  mocked(
    () => {
      const database = new Database("d", {
        placement,
        instanceClass: "db.t4g.medium",
        storageGb: 20,
        multiAz: false,
        deletionProtection: false,
        backupDays: 1,
        maxConnections: 100,
        keepData: false,
        retentionDays: 7,
      });
      return new Migrations("m", {
        placement,
        outbound: { description: pulumi.output<string>, endpoints: [] },
        database,
        arch: "arm64",
        retentionDays: 7,
        region: "eu-central-1",
        accountId: "111111111111",
        slots: { glue: 3, ec2: 2 },
      });
    },
    { preview },
  );

describe("the migrations of a stack", () => {
  it("run once per change of their files, inside the network, and output their version", async () => {
    const { registry, result } = await create();
    const { inputs } = registry.resource("aws:lambda/invocation:Invocation", "m");
    assert.deepEqual(inputs.triggers, { version: migrationsVersion() });
    assert.deepEqual(JSON.parse(inputs.input).step, "migrate");
    assert.equal(await resolved(result.version), migrationsVersion());
    const { timeout, vpcConfig } = registry.resource("aws:lambda/function:Function").inputs;
    assert.deepEqual(
      [timeout, vpcConfig.subnetIds],
      [900, ["subnet-1"]],
      "Lambda's maximum timeout, inside the network",
    );
    await create(true);
  });

  it("create roles first, and again when the number of slots with a login role changes", async () => {
    const { registry } = await create();
    const { inputs } = registry.resource("aws:lambda/invocation:Invocation", "m-roles");
    assert.deepEqual(JSON.parse(inputs.input), { step: "roles", slots: { glue: 3, ec2: 2 } });
    assert.equal(inputs.triggers.slots, '{"glue":3,"ec2":2}');
    const { dependencies } = registry.resource("aws:lambda/invocation:Invocation", "m");
    assert.ok(JSON.stringify(dependencies).includes("m-roles"), "migrate waits for roles");
  });

  it("may read the master's secret, and have only its ARN in their environment", async () => {
    const { registry } = await create();
    const { variables } = registry.resource("aws:lambda/function:Function").inputs.environment;
    assert.deepEqual(Object.keys(variables).sort(), [
      "DATABASE_AUTH",
      "DATABASE_CA",
      "DATABASE_HOST",
      "DATABASE_NAME",
      "DATABASE_PORT",
      "MASTER_SECRET_ARN",
    ]);
    const [secret] = registry.statements("m");
    assert.deepEqual(secret?.Action, ["secretsmanager:GetSecretValue"]);
    assert.deepEqual(secret?.Resource, [variables.MASTER_SECRET_ARN]);
  });

  it("migrate a database from the Lambda bundle, return only file names and ids, and store an API token's hash", async function () {
    this.timeout(60_000);
    const database = await testDatabase();
    const admin = new pg.Client(database.url);
    await admin.connect();
    const { username, password, hostname, port } = new URL(database.url);
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "application/x-amz-json-1.1");
      response.end(
        JSON.stringify({ SecretString: JSON.stringify({ username, password: decodeURIComponent(password) }) }),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const directory = mkdtempSync(join(tmpdir(), "rates-migrate-"));
    const previousEnv = { ...process.env };
    try {
      const code = await bundleCode({
        entry: new URL("../db/lambda.ts", import.meta.url),
        external: ["@aws-sdk/*", "@smithy/*"],
      });
      const file = join(directory, "index.mjs");
      writeFileSync(
        file,
        code.replace(/from"(@(?:aws-sdk|smithy)\/[^"]+)"/g, (_, name) => `from"${import.meta.resolve(name)}"`),
      );
      for (const folder of ["migrations", "functions", "views"])
        cpSync(fileURLToPath(new URL(`../db/${folder}`, import.meta.url)), join(directory, folder), {
          recursive: true,
        });
      Object.assign(process.env, {
        AWS_REGION: "eu-central-1",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        DATABASE_HOST: hostname,
        DATABASE_PORT: port,
        DATABASE_NAME: database.name,
        DATABASE_AUTH: "password",
        DB_PASSWORD: decodeURIComponent(password),
        MASTER_SECRET_ARN: "arn:secret",
      });
      // Empties the database; the roles remain, since they belong to the cluster.
      await admin.query(
        "drop schema jobs cascade; drop schema tracking cascade; drop schema public cascade; create schema public",
      );
      const { handler } = await import(pathToFileURL(file).href);
      const slots = { glue: 1, ec2: 1 };
      assert.deepEqual(await handler({ step: "roles", slots }), { created: [] }, "the cluster has the roles already");
      const first = await handler({ step: "migrate" });
      assert.ok(
        first.applied.length > 0 && first.applied.every((name: string) => /^\d{4}_|\.sql$/.test(name)),
        JSON.stringify(first),
      );
      assert.deepEqual(await handler({ step: "migrate" }), { applied: [] });
      await assert.rejects(handler({}), /Invoke the function with/);
      const { token, record } = newToken({ name: "first", tenant: "default", scopes: ["admin"] });
      assert.deepEqual(await handler({ token: record }), { tokenId: record.id });
      assert.equal((await callerOf(admin, token))?.tokenId, record.id);
      await assert.rejects(
        handler({ token: { ...record, hash: "none" } }),
        /must be the output of `token\.ts --offline`/,
      );
      assert.equal((await admin.query("select from jobs.jobs")).rowCount, 0);
    } finally {
      for (const key of Object.keys(process.env)) if (!(key in previousEnv)) delete process.env[key];
      Object.assign(process.env, previousEnv);
      rmSync(directory, { recursive: true });
      server.close();
      await admin.end();
      await database.drop();
    }
  });
});
