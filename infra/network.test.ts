import assert from "node:assert/strict";
import { ENDPOINTS, Network, type NetworkArgs } from "./network.ts";
import { mocked } from "./testing/mocks.ts";

const args: NetworkArgs = {
  cidr: "10.0.0.0/16",
  zones: ["eu-central-1a", "eu-central-1b"],
  nat: "single",
  region: "eu-central-1",
  retentionDays: 8,
};
const create = async (change: Partial<NetworkArgs> = {}) =>
  (await mocked(() => new Network("n", { ...args, ...change }))).registry;

describe("the network of a stack", () => {
  it("has a public and a private subnet of equal size in each zone", async () => {
    const { inputs } = (await create()).resource("awsx:ec2:Vpc");
    assert.deepEqual(inputs.availabilityZoneNames, args.zones);
    assert.deepEqual(inputs.subnetSpecs, [
      { type: "Public", cidrMask: 18 },
      { type: "Private", cidrMask: 18 },
    ]);
    assert.equal(inputs.natGateways.strategy, "Single");
  });

  it("reaches S3 through a gateway endpoint, and without NAT other services through endpoints that only the VPC can use", async () => {
    const withNat = await create();
    const gateway = withNat.resource("aws:ec2/vpcEndpoint:VpcEndpoint").inputs;
    assert.deepEqual([gateway.serviceName, gateway.vpcEndpointType], ["com.amazonaws.eu-central-1.s3", "Gateway"]);
    // A gateway without a route table has no effect.
    assert.deepEqual(gateway.routeTableIds, ["rtb-public-1", "rtb-public-2", "rtb-private-1", "rtb-private-2"]);
    const registry = await create({ nat: "none" });
    const vpc = registry.resource("awsx:ec2:Vpc").inputs;
    assert.equal(vpc.subnetSpecs[1].type, "Isolated");
    const endpoints = registry.ofType("aws:ec2/vpcEndpoint:VpcEndpoint").map(({ inputs }) => inputs.serviceName);
    assert.deepEqual(
      endpoints,
      ["s3", ...ENDPOINTS].map((service) => `com.amazonaws.eu-central-1.${service}`),
    );
    // Private DNS resolves a service's usual name to the endpoint.
    assert.equal(vpc.enableDnsHostnames, true);
    for (const { inputs } of registry.ofType("aws:ec2/vpcEndpoint:VpcEndpoint").slice(1))
      assert.deepEqual(
        [inputs.vpcEndpointType, inputs.privateDnsEnabled, inputs.subnetIds],
        ["Interface", true, ["subnet-isolated-1", "subnet-isolated-2"]],
      );
    const rule = registry.resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs;
    assert.deepEqual([rule.cidrIpv4, rule.fromPort, rule.toPort], ["10.0.0.0/16", 443, 443]);
  });

  it("has an empty default security group, and flow logs with a retention that CloudWatch supports", async () => {
    const registry = await create();
    const { ingress, egress } = registry.resource("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup").inputs;
    assert.deepEqual([ingress, egress], [[], []]);
    assert.equal(registry.resource("aws:ec2/flowLog:FlowLog").inputs.trafficType, "REJECT");
    assert.equal(registry.resource("aws:cloudwatch/logGroup:LogGroup").inputs.retentionInDays, 14);
  });
});
