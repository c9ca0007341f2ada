import assert from "node:assert/strict";
import { mocked } from "../testing/mocks.ts";
import { allow, allowHttps, egressRule, groupDescription, ingressRule, securityGroup } from "./securityGroups.ts";

describe("security groups", () => {
  const create = async () =>
    (
      await mocked(() => {
        const from = securityGroup("g", { vpcId: "vpc-1", description: "a component" }, {});
        allow("g-database", { from, to: "sg-db", port: 5432, description: "a component to Postgres" }, {});
        allowHttps("g", from, {});
      })
    ).registry;

  it("have a deletion timeout that is long enough for network interfaces that Lambda releases late", async () => {
    const { inputs, deleteTimeout } = (await create()).resource("aws:ec2/securityGroup:SecurityGroup");
    // AWS may take 45 minutes (Terraform's AWS provider, aws_security_group).
    assert.match(deleteTimeout, /^\d+m$/);
    assert.ok(Number.parseInt(deleteTimeout, 10) >= 45, deleteTimeout);
    assert.equal(inputs.revokeRulesOnDelete, true);
    assert.deepEqual([inputs.ingress, inputs.egress], [undefined, undefined], "each rule is a separate resource");
  });

  it("open one port between two groups, and port 443 to every address", async () => {
    const registry = await create();
    const rule = (type: string, name: string) => {
      const { inputs } = registry.resource(`aws:vpc/securityGroup${type}Rule:SecurityGroup${type}Rule`, name);
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
    assert.equal(registry.all.filter(({ type }) => type.endsWith("Rule")).length, 3);
  });

  it("reject descriptions that EC2 would refuse, before anything is created", async () => {
    const allowed = `azAZ09 ._-:/()#,@[]+=&;{}!$*${"x".repeat(227)}`;
    assert.equal(allowed.length, 255);
    assert.equal(groupDescription(allowed), allowed);
    for (const [text, reason] of [
      ["Glue's own", /The description "Glue's own" has "'": /],
      ["a > b < c", /has ">", "<"/],
      ["Zürich", /has "ü"/],
      ["two\nlines", /has "\\n"/],
      ["😀", /has "😀"/],
      ["x".repeat(256), /has 256 characters, 1 more than EC2's maximum of 255/],
    ] as const)
      assert.throws(() => groupDescription(text), reason, text);
    const rule = { group: "sg-1", peer: { cidr: "10.0.0.0/8" }, ports: [1, 1], description: "Glue's own" } as const;
    await mocked(() => {
      assert.throws(() => ingressRule("r", rule, {}), /Glue's own/);
      assert.throws(() => egressRule("r", rule, {}), /Glue's own/);
      assert.throws(() => securityGroup("g", { vpcId: "vpc-1", description: "it's" }, {}), /it's/);
    });
  });
});
