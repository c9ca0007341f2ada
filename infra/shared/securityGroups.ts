import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { SecurityGroupEgressRule } from "@pulumi/aws/vpc/securityGroupEgressRule.js";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule.js";
import type * as pulumi from "@pulumi/pulumi";
import { groupDescriptionProblem } from "../limits/limits.ts";

/** Where a part stands in the network. */
export interface Placement {
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets, one a zone. */
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
}

/** How long a deletion waits for interfaces that are left: AWS names no most, and the provider's own 15 minutes may end it. */
const INTERFACES_LINGER = "60m";

/**
 * The description of a security group or of a rule. EC2 refuses some characters when the resource is created, after a
 * preview has passed.
 * @throws when EC2 would refuse the text
 */
export function groupDescription(text: string): string {
  const problem = groupDescriptionProblem(text);
  if (problem !== undefined) throw new Error(`The description ${JSON.stringify(text)} ${problem}`);
  return text;
}

/** A security group without rules: each rule is a resource of its own, made where its reason is. */
export const securityGroup = (
  name: string,
  { vpcId, description }: { vpcId: pulumi.Input<string>; description: string },
  opts: pulumi.CustomResourceOptions,
): SecurityGroup =>
  // Lambda gives its network interfaces back long after the function is gone, and until then a group cannot go (trap 32).
  new SecurityGroup(
    name,
    { vpcId, description: groupDescription(description), revokeRulesOnDelete: true },
    { ...opts, customTimeouts: { delete: INTERFACES_LINGER, ...opts.customTimeouts } },
  );

/** One direction of a rule: its group, the other side, and the ports. */
export interface RuleArgs {
  readonly group: pulumi.Input<string>;
  /** The other side: a security group's id, or a network in CIDR notation. */
  readonly peer: { readonly group: pulumi.Input<string> } | { readonly cidr: string };
  /** The first and the last TCP port. */
  readonly ports: readonly [number, number];
  readonly description: string;
}

const ruleOf = ({ group, peer, ports: [fromPort, toPort], description }: RuleArgs) => ({
  securityGroupId: group,
  ...("cidr" in peer ? { cidrIpv4: peer.cidr } : { referencedSecurityGroupId: peer.group }),
  ipProtocol: "tcp",
  fromPort,
  toPort,
  description: groupDescription(description),
});

/** Lets a peer in. Every rule of the program is made here or by `egressRule`, so that EC2 takes its description. */
export const ingressRule = (name: string, args: RuleArgs, opts: pulumi.CustomResourceOptions): pulumi.Resource =>
  new SecurityGroupIngressRule(name, ruleOf(args), opts);

/** Lets a group out to a peer. */
export const egressRule = (name: string, args: RuleArgs, opts: pulumi.CustomResourceOptions): pulumi.Resource =>
  new SecurityGroupEgressRule(name, ruleOf(args), opts);

/** Lets one security group connect to a TCP port of another: the rule out of the first, and the rule into the second. */
export function allow(
  name: string,
  { from, to, port, description }: { from: SecurityGroup; to: pulumi.Input<string>; port: number; description: string },
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const rule = { ports: [port, port] as const, description };
  return [
    egressRule(name, { ...rule, group: from.id, peer: { group: to } }, opts),
    ingressRule(name, { ...rule, group: to, peer: { group: from.id } }, opts),
  ];
}

/** Lets a security group call services over HTTPS: AWS's own, through endpoints or NAT, and others through NAT. */
export const allowHttps = (name: string, from: SecurityGroup, opts: pulumi.CustomResourceOptions): pulumi.Resource =>
  egressRule(
    `${name}-https`,
    {
      group: from.id,
      peer: { cidr: "0.0.0.0/0" },
      ports: [443, 443],
      description: "AWS and allowed hosts, over TLS",
    },
    opts,
  );
