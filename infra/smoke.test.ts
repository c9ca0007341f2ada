import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Value from "typebox/value";
import { SmokeOutputs } from "../runtime/contract/stackOutputs.ts";
import { SmokeTaskOutputs } from "../runtime/smoke/inside.ts";
import { securityGroup } from "./shared/securityGroups.ts";
import { Smoke } from "./smoke.ts";
import { mocked, resolved } from "./testing/mocks.ts";

const OUTPUTS = {
  ...{ stack: "dev", region: "eu-central-1", api: "http://balancer.example", resultsBucket: "results" },
  ...{ requestQueueUrl: "https://sqs/requests", responseQueueUrl: "https://sqs/responses" },
  ...{ deadLetterQueueUrl: "https://sqs/dead", glueJob: "glue", launchTemplate: "lt-1", maxConnections: 100 },
};

const create = async (preview = false) =>
  mocked(
    () => {
      const group = securityGroup("balancer", { vpcId: "vpc-1", description: "balancer" }, {});
      return new Smoke("x", {
        placement: { vpcId: "vpc-1", subnetIds: ["private-1", "private-2"] },
        image: "repository@sha256:abc",
        repositoryArn: "arn:repository",
        arch: "arm64",
        loadBalancer: { group, port: 80 },
        outputs: OUTPUTS,
        statements: [{ actions: ["glue:GetJob"], resources: ["arn:job"] }],
        migrationsFunction: "migrations-1",
        retentionDays: 30,
        region: "eu-central-1",
      });
    },
    { preview },
  );
const container = async () =>
  JSON.parse(
    (await create()).registry.resource("aws:ecs/taskDefinition:TaskDefinition").inputs.containerDefinitions,
  )[0];

describe("the smoke task of a stack", () => {
  it("is a task definition without an ECS service, so that nothing runs until a command starts it", async () => {
    const { registry } = await create();
    assert.equal(registry.ofType("aws:ecs/service:Service").length, 0);
    const { inputs } = registry.resource("aws:ecs/taskDefinition:TaskDefinition");
    assert.deepEqual([inputs.cpu, inputs.memory, inputs.runtimePlatform.cpuArchitecture], ["256", "512", "ARM64"]);
  });

  it("has the stack's outputs in its environment, in the form that its program reads, and no secret", async () => {
    const { environment, user, readonlyRootFilesystem, secrets } = await container();
    const variables = Object.fromEntries(environment.map(({ name, value }: Record<string, string>) => [name, value]));
    assert.deepEqual(Object.keys(variables), ["AWS_REGION", "SMOKE_OUTPUTS"]);
    const outputs: unknown = JSON.parse(variables.SMOKE_OUTPUTS);
    assert.deepEqual(outputs, OUTPUTS);
    assert.ok(Value.Check(SmokeOutputs, outputs));
    assert.deepEqual([user, readonlyRootFilesystem, secrets], ["1000:1000", true, undefined]);
  });

  it("blocks instead of dropping log lines", async () => {
    const { logConfiguration } = await container();
    assert.deepEqual([logConfiguration.logDriver, logConfiguration.options.mode], ["awslogs", "blocking"]);
  });

  it("has only the given permissions, and may connect only to the load balancer and port 443", async () => {
    const { registry } = await create();
    assert.deepEqual(
      registry.statements("x").flatMap(({ Action }) => Action),
      ["glue:GetJob"],
    );
    const egress = registry
      .ofType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
      .map(({ inputs }) => [inputs.referencedSecurityGroupId ?? inputs.cidrIpv4, inputs.fromPort, inputs.toPort]);
    assert.deepEqual(egress.sort(), [
      ["0.0.0.0/0", 443, 443],
      ["balancer-id", 80, 80],
    ]);
  });

  it("outputs the task that the command starts and the location of its log", async () => {
    const settings = await resolved((await create()).result.settings);
    assert.ok(Value.Check(SmokeTaskOutputs, settings));
    const { options } = (await container()).logConfiguration;
    assert.equal(settings.logStreams, `${options["awslogs-stream-prefix"]}/${settings.container}`);
    assert.equal(settings.logGroup, options["awslogs-group"]);
    const dockerfile = readFileSync(new URL("../runtime/Dockerfile", import.meta.url), "utf8");
    assert.match(dockerfile, / AS smoke\n/);
  });

  it("can be previewed before any resource exists", async () => {
    await create(true);
  });
});
