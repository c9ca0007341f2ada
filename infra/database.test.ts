import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { Database, type DatabaseArgs, databaseEnvironment, loginStatement } from "./database.ts";
import { mocked, resolved } from "./testing/mocks.ts";

const args: DatabaseArgs = {
  placement: { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] },
  instanceClass: "db.t4g.medium",
  storageGb: 60,
  multiAz: true,
  deletionProtection: true,
  backupDays: 7,
  maxConnections: 400,
  keepData: true,
  retentionDays: 30,
};
const create = async (change: Partial<DatabaseArgs> = {}) => mocked(() => new Database("d", { ...args, ...change }));
const instance = async (change: Partial<DatabaseArgs> = {}) =>
  (await create(change)).registry.resource("aws:rds/instance:Instance").inputs;

describe("the database of a stack", () => {
  it("is encrypted and private, with a master password that RDS generates", async () => {
    const inputs = await instance();
    assert.equal(inputs.storageEncrypted, true);
    assert.equal(inputs.publiclyAccessible, false);
    assert.equal(inputs.manageMasterUserPassword, true);
    assert.equal(inputs.iamDatabaseAuthenticationEnabled, true);
    assert.equal(inputs.password, undefined);
    assert.equal(inputs.multiAz, true);
    assert.equal(inputs.backupRetentionPeriod, 7);
    assert.equal(inputs.performanceInsightsEnabled, true);
    assert.equal(inputs.monitoringInterval, 60);
    // A restart would interrupt running jobs, so it waits for the maintenance window.
    assert.deepEqual([inputs.applyImmediately, inputs.allowMajorVersionUpgrade], [false, false]);
    assert.deepEqual(inputs.enabledCloudwatchLogsExports, ["postgresql", "upgrade"]);
  });

  it("has the major version of compose.yaml", async () => {
    const { registry } = await create();
    const [, major] =
      /image: postgres:(\d+)/.exec(readFileSync(new URL("../compose.yaml", import.meta.url), "utf8")) ?? [];
    assert.equal(registry.resource("aws:rds/instance:Instance").inputs.engineVersion, major);
    assert.equal(registry.resource("aws:rds/parameterGroup:ParameterGroup").inputs.family, `postgres${major}`);
  });

  it("accepts TLS only, has the planned max_connections, and limits temporary files", async () => {
    const { registry } = await create();
    const { parameters } = registry.resource("aws:rds/parameterGroup:ParameterGroup").inputs;
    const parameter = (name: string) => parameters.find((candidate: { name: string }) => candidate.name === name);
    assert.equal(parameter("rds.force_ssl").value, "1");
    assert.deepEqual(parameter("max_connections"), {
      name: "max_connections",
      value: "400",
      applyMethod: "pending-reboot",
    });
    assert.equal(parameter("temp_file_limit").value, String(20 * 1024 * 1024), "a third of the disk, in kilobytes");
    assert.equal(registry.ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").length, 0);
  });

  it("respects the maximums of RDS and Postgres with large disks", async () => {
    const { registry } = await create({ storageGb: 20_000 });
    const { parameters } = registry.resource("aws:rds/parameterGroup:ParameterGroup").inputs;
    const limit = parameters.find(({ name }: { name: string }) => name === "temp_file_limit");
    assert.equal(limit.value, String(2 ** 31 - 1), "the largest size that Postgres accepts");
    assert.equal((await instance()).maxAllocatedStorage, 240);
    assert.equal(registry.resource("aws:rds/instance:Instance").inputs.maxAllocatedStorage, 65_536);
    assert.equal(
      (await instance({ storageGb: 60_000 })).maxAllocatedStorage,
      undefined,
      "RDS requires at least 10 % of growth",
    );
  });

  it("leaves a final snapshot and automatic backups only when data is kept", async () => {
    const { registry } = await create();
    const retained = registry.resource("aws:rds/instance:Instance").inputs;
    assert.equal(retained.skipFinalSnapshot, false);
    assert.equal(
      retained.finalSnapshotIdentifier,
      `${retained.dbSubnetGroupName}-last`,
      "a new name each time the stack is created",
    );
    const deleted = await instance({ keepData: false, deletionProtection: false });
    assert.deepEqual(
      [deleted.skipFinalSnapshot, deleted.finalSnapshotIdentifier, deleted.deletionProtection],
      [true, undefined, false],
    );
    assert.deepEqual([retained.deleteAutomatedBackups, deleted.deleteAutomatedBackups], [false, true]);
  });

  it("allows a component to log in as the given roles only, over TLS and with IAM tokens", async () => {
    const { result } = await create();
    const location = { region: "eu-central-1", accountId: "111111111111" };
    const { actions, resources } = loginStatement(result.endpoint, location, ["dispatcher"]);
    assert.deepEqual(actions, ["rds-db:connect"]);
    assert.equal(
      await resolved(pulumi.output(resources).apply(([first]) => first)),
      "arn:aws:rds-db:eu-central-1:111111111111:dbuser:db-ABCDEFGHIJKLMNOPQRSTUVWXYZ/dispatcher",
    );
    const { DATABASE_AUTH, DATABASE_CA } = databaseEnvironment(result.endpoint, "/ca.pem");
    assert.deepEqual([DATABASE_AUTH, DATABASE_CA], ["iam", "/ca.pem"]);
  });
});
