import assert from "node:assert/strict";
import { allow, allowHttps, securityGroup } from "./reach.ts";
import { mocked } from "./testing.ts";

describe("the ways between parts", () => {
  const made = async () =>
    (
      await mocked(() => {
        const from = securityGroup("g", { vpcId: "vpc-1", description: "a part" }, {});
        allow("g-database", { from, to: "sg-db", port: 5432, description: "a part to Postgres" }, {});
        allowHttps("g", from, {});
      })
    ).registry;

  it("wait at the end for the network interfaces that Lambda gives back late", async () => {
    const { inputs, deleteTimeout } = (await made()).one("aws:ec2/securityGroup:SecurityGroup");
    // AWS has taken 45 minutes (Terraform's AWS provider, aws_security_group).
    assert.match(deleteTimeout, /^\d+m$/);
    assert.ok(Number.parseInt(deleteTimeout, 10) >= 45, deleteTimeout);
    assert.equal(inputs.revokeRulesOnDelete, true);
    assert.deepEqual([inputs.ingress, inputs.egress], [undefined, undefined], "each rule is a resource of its own");
  });

  it("are open in both groups for one port, and out to services for HTTPS alone", async () => {
    const registry = await made();
    const rule = (type: string, name: string) => {
      const { inputs } = registry.one(`aws:vpc/securityGroup${type}Rule:SecurityGroup${type}Rule`, name);
      return [
        inputs.securityGroupId,
        inputs.referencedSecurityGroupId ?? inputs.cidrIpv4,
        inputs.fromPort,
        inputs.toPort,
      ];
    };
    assert.deepEqual(rule("Egress", "g-database"), ["g-id", "sg-db", 5432, 5432]);
    assert.deepEqual(rule("Ingress", "g-database"), ["sg-db", "g-id", 5432, 5432]);
    assert.deepEqual(rule("Egress", "g-https"), ["g-id", "0.0.0.0/0", 443, 443]);
  });
});
