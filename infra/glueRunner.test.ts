import assert from "node:assert/strict";
import { GlueRunner, type GlueRunnerArgs } from "./glueRunner.ts";
import { DATABASE, mocked, resolved } from "./testing/mocks.ts";

const create = async (change: Partial<GlueRunnerArgs> = {}, preview = false) =>
  mocked(
    () =>
      new GlueRunner("g", {
        placement: { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] },
        zones: ["eu-central-1a", "eu-central-1b"],
        database: DATABASE,
        settings: "{}",
        catalog: '{"errors":{}}',
        maxConcurrentRuns: 8,
        dpuPerRun: 0.0625,
        timeoutMinutes: 300,
        statements: [],
        keepData: true,
        region: "eu-central-1",
        accountId: "111111111111",
        ...change,
      }),
    { preview },
  );

describe("the Glue runner of a stack", () => {
  it("is a Python shell job with the planned concurrency, without Glue's retries and queueing", async () => {
    const { inputs } = (await create()).registry.resource("aws:glue/job:Job");
    assert.deepEqual([inputs.command.name, inputs.command.pythonVersion], ["pythonshell", "3.9"]);
    assert.deepEqual(inputs.executionProperty, { maxConcurrentRuns: 8 });
    assert.deepEqual([inputs.maxCapacity, inputs.timeout], [0.0625, 300]);
    assert.deepEqual([inputs.maxRetries, inputs.jobRunQueuingEnabled], [0, false]);
    assert.deepEqual([inputs.glueVersion, inputs.command.pythonVersion], ["3.0", "3.9"]);
    assert.equal(inputs.defaultArguments["--library-set"], "analytics");
    assert.equal(inputs.defaultArguments["--database-auth"], "iam");
  });

  it("keeps script and catalog under keys with their hash, so that runs find their version", async () => {
    const keys = async (catalog: string) =>
      (await create({ catalog })).registry
        .ofType("aws:s3/bucketObjectv2:BucketObjectv2")
        .map(({ inputs }) => inputs.key as string);
    const [first, second] = [await keys("{}"), await keys('{"errors":{}}')];
    for (const { name, retained } of (await create()).registry.ofType("aws:s3/bucketObjectv2:BucketObjectv2"))
      assert.equal(retained, true, `${name} is kept when it is replaced`);
    assert.match(first[0] ?? "", /^runner-[0-9a-f]{16}\.py$/);
    assert.equal(first[0], second[0]);
    assert.notEqual(first[1], second[1]);
    const { inputs } = (await create()).registry.resource("aws:glue/job:Job");
    assert.equal(inputs.command.scriptLocation, `s3://g-scripts/${first[0]}`);
  });

  it("starts each run with the script and catalog of the dispatcher's version", async () => {
    const { result, registry } = await create();
    const { inputs } = registry.resource("aws:glue/job:Job");
    assert.deepEqual((await resolved(result.settings)).arguments, {
      "--scriptLocation": inputs.command.scriptLocation,
      "--catalog": inputs.defaultArguments["--catalog"],
    });
  });

  it("gives the dispatcher the sizes of usual and larger runs, and gives the Glue job the usual size", async () => {
    const sizesWith = async (change: object) => {
      const { result, registry } = await create(change);
      const { maxCapacity, largerCapacity } = await resolved(result.settings);
      return [registry.resource("aws:glue/job:Job").inputs.maxCapacity, maxCapacity, largerCapacity];
    };
    assert.deepEqual(await sizesWith({}), [0.0625, 0.0625, undefined]);
    assert.deepEqual(await sizesWith({ largerDpu: 1 }), [0.0625, 0.0625, 1]);
  });

  it("has a connection per zone, so that Glue can start runs in another zone when one fails", async () => {
    const { registry } = await create();
    const connections = registry.ofType("aws:glue/connection:Connection");
    assert.ok(connections.every(({ inputs }) => inputs.connectionType === "NETWORK"));
    assert.deepEqual(
      connections.map(({ inputs }) => inputs.physicalConnectionRequirements),
      [
        { availabilityZone: "eu-central-1a", subnetId: "subnet-1", securityGroupIdLists: ["g-id"] },
        { availabilityZone: "eu-central-1b", subnetId: "subnet-2", securityGroupIdLists: ["g-id"] },
      ],
    );
    assert.deepEqual(registry.resource("aws:glue/job:Job").inputs.connections, ["g-eu-central-1a", "g-eu-central-1b"]);
    const connectionRights = registry.statements("g").find(({ Action }) => Action.includes("glue:GetConnection"));
    assert.deepEqual(connectionRights?.Resource, [
      "arn:aws:glue:eu-central-1:111111111111:catalog",
      "arn:aws:glue:eu-central-1:111111111111:connection/g-eu-central-1a",
      "arn:aws:glue:eu-central-1:111111111111:connection/g-eu-central-1b",
    ]);
  });

  it("opens all ports between its runs, and may connect to the database's Postgres port", async () => {
    const { registry } = await create();
    const ingress = registry.resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "g").inputs;
    assert.deepEqual([ingress.securityGroupId, ingress.referencedSecurityGroupId], ["g-id", "g-id"]);
    assert.deepEqual([ingress.fromPort, ingress.toPort], [0, 65_535]);
    const egress = registry.resource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "g-database").inputs;
    assert.deepEqual([egress.fromPort, egress.referencedSecurityGroupId], [5432, "sg-db"]);
  });

  it("may create, delete and tag the network interfaces of its connections", async () => {
    const { registry } = await create();
    const createRights = registry.statements("g").find(({ Action }) => Action.includes("ec2:CreateNetworkInterface"));
    assert.ok(createRights?.Action.includes("ec2:DeleteNetworkInterface"));
    const tag = registry.statements("g").find(({ Action }) => Action.includes("ec2:CreateTags"));
    assert.deepEqual(tag?.Resource, ["arn:aws:ec2:eu-central-1:111111111111:network-interface/*"]);
    assert.deepEqual(tag?.Condition, {
      "ForAllValues:StringEquals": { "aws:TagKeys": ["aws-glue-service-resource"] },
    });
  });

  it("keeps the role that deletes network interfaces until its security group is deleted", async () => {
    const { registry } = await create();
    const deletePolicies = registry
      .ofType("aws:iam/rolePolicy:RolePolicy")
      .filter(({ inputs }) => inputs.policy.includes("ec2:DeleteNetworkInterface"));
    assert.equal(deletePolicies.length, 1);
    const { dependencies } = registry.resource("aws:ec2/securityGroup:SecurityGroup", "g");
    assert.ok(dependencies.includes(deletePolicies[0]?.urn ?? ""));
  });

  it("may read its own scripts only", async () => {
    const { registry } = await create();
    const read = registry.statements("g").find(({ Action }) => Action.includes("s3:GetObject"));
    assert.deepEqual(read?.Resource, ["arn:aws:s3:eu-central-1:111111111111:g-scripts/*"]);
  });

  it("can be previewed before any resource exists", async () => {
    await create({}, true);
  });
});
