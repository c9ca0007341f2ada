import assert from "node:assert/strict";
import { Access } from "./access.ts";
import { securityGroup } from "./shared/securityGroups.ts";
import { mocked, resolved } from "./testing/mocks.ts";

const create = async (preview = false) =>
  mocked(
    () => {
      const group = securityGroup("balancer", { vpcId: "vpc-1", description: "balancer" }, {});
      return new Access("x", {
        placement: { vpcId: "vpc-1", subnetIds: ["private-1", "private-2"] },
        image: "repository@sha256:abc",
        repositoryArn: "arn:repository",
        arch: "arm64",
        loadBalancer: { group, host: "balancer.example", port: 80 },
      });
    },
    { preview },
  );

describe("access to a stack through Session Manager", () => {
  it("is a task definition without an ECS service, so that nothing runs until a command starts it", async () => {
    const { registry } = await create();
    assert.equal(registry.ofType("aws:ecs/service:Service").length, 0);
    const { inputs } = registry.resource("aws:ecs/taskDefinition:TaskDefinition");
    assert.deepEqual([inputs.cpu, inputs.memory, inputs.runtimePlatform.cpuArchitecture], ["256", "512", "ARM64"]);
  });

  it("ends after an hour, does not run as root, and may write only to the agent's directories", async () => {
    const [container] = JSON.parse(
      (await create()).registry.resource("aws:ecs/taskDefinition:TaskDefinition").inputs.containerDefinitions,
    );
    assert.deepEqual(container.command, ["sleep", "3600"]);
    assert.deepEqual([container.user, container.readonlyRootFilesystem], ["1000:1000", true]);
    assert.equal(container.environment, undefined);
    assert.deepEqual(
      container.mountPoints.map(({ containerPath }: { containerPath: string }) => containerPath),
      ["/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"],
    );
    const { volumes } = (await create()).registry.resource("aws:ecs/taskDefinition:TaskDefinition").inputs;
    assert.deepEqual(
      volumes.map(({ name }: { name: string }) => name),
      container.mountPoints.map(({ sourceVolume }: { sourceVolume: string }) => sourceVolume),
    );
  });

  it("may only open sessions, and connect only to the load balancer and port 443", async () => {
    const { registry } = await create();
    const [sessions, ...more] = registry.statements("x");
    assert.ok(sessions?.Action.every((action) => action.startsWith("ssmmessages:")));
    assert.equal(sessions?.Action.length, 4);
    assert.deepEqual(more, []);
    const egress = registry
      .ofType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
      .map(({ inputs }) => [inputs.referencedSecurityGroupId ?? inputs.cidrIpv4, inputs.fromPort]);
    assert.deepEqual(egress.sort(), [
      ["0.0.0.0/0", 443],
      ["balancer-id", 80],
    ]);
    const rule = registry.resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs;
    assert.deepEqual([rule.securityGroupId, rule.referencedSecurityGroupId, rule.toPort], ["balancer-id", "x-id", 80]);
  });

  it("outputs the task that `rates connect` starts and the address that it forwards to", async () => {
    const { result } = await create();
    assert.deepEqual(await resolved(result.settings), {
      cluster: "x",
      taskDefinition: "arn:aws:ecs:eu-central-1:111111111111:x",
      subnets: ["private-1", "private-2"],
      securityGroup: "x-id",
      host: "balancer.example",
      port: 80,
    });
  });

  it("can be previewed before any resource exists", async () => {
    await create(true);
  });
});
