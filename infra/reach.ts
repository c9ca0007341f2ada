import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { SecurityGroupEgressRule } from "@pulumi/aws/vpc/securityGroupEgressRule.js";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule.js";
import type * as pulumi from "@pulumi/pulumi";

/** Where a part stands in the network. */
export interface Placement {
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets, one a zone. */
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
}

/** How long a deletion waits for interfaces that are left: AWS names no most, and the provider's own 15 minutes may end it. */
const INTERFACES_LINGER = "60m";

/** A security group without rules: each rule is a resource of its own, made where its reason is. */
export const securityGroup = (
  name: string,
  args: { vpcId: pulumi.Input<string>; description: string },
  opts: pulumi.CustomResourceOptions,
): SecurityGroup =>
  // Lambda gives its network interfaces back long after the function is gone, and until then a group cannot go (trap 32).
  new SecurityGroup(
    name,
    { ...args, revokeRulesOnDelete: true },
    { ...opts, customTimeouts: { delete: INTERFACES_LINGER, ...opts.customTimeouts } },
  );

/** Lets one security group connect to a TCP port of another: the rule out of the first, and the rule into the second. */
export function allow(
  name: string,
  { from, to, port, description }: { from: SecurityGroup; to: pulumi.Input<string>; port: number; description: string },
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const rule = { ipProtocol: "tcp", fromPort: port, toPort: port, description };
  return [
    new SecurityGroupEgressRule(name, { ...rule, securityGroupId: from.id, referencedSecurityGroupId: to }, opts),
    new SecurityGroupIngressRule(name, { ...rule, securityGroupId: to, referencedSecurityGroupId: from.id }, opts),
  ];
}

/** Lets a security group call services over HTTPS: AWS's own, through endpoints or NAT, and others through NAT. */
export const allowHttps = (name: string, from: SecurityGroup, opts: pulumi.CustomResourceOptions): pulumi.Resource =>
  new SecurityGroupEgressRule(
    `${name}-https`,
    {
      securityGroupId: from.id,
      ipProtocol: "tcp",
      fromPort: 443,
      toPort: 443,
      cidrIpv4: "0.0.0.0/0",
      description: "AWS and allowed hosts, over TLS",
    },
    opts,
  );
