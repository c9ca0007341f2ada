import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { SecurityGroupEgressRule } from "@pulumi/aws/vpc/securityGroupEgressRule.js";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule.js";
import type * as pulumi from "@pulumi/pulumi";
import { groupDescriptionProblem } from "../limits/limits.ts";

/** Location of a component in the network. */
export interface Placement {
  /** Id of the VPC. */
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets, one per zone. */
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
}

/**
 * Timeout of a group's deletion, which waits until its network interfaces are released: AWS documents no maximum, and
 * the provider's default of 15 minutes can be too short.
 */
const INTERFACE_DELETE_TIMEOUT = "60m";

/**
 * Checks the description of a security group or of a rule. EC2 refuses some characters when the resource is created,
 * after a preview has passed.
 *
 * @throws Error if EC2 would refuse the text
 */
export function groupDescription(text: string): string {
  const problem = groupDescriptionProblem(text);
  if (problem !== undefined) throw new Error(`The description ${JSON.stringify(text)} ${problem}`);
  return text;
}

/** Creates a security group without rules: each rule is a separate resource of the component that needs it. */
export const securityGroup = (
  name: string,
  { vpcId, description }: { vpcId: pulumi.Input<string>; description: string },
  opts: pulumi.CustomResourceOptions,
): SecurityGroup =>
  // Lambda releases its network interfaces long after the function is deleted, and until then a group cannot be
  // deleted.
  new SecurityGroup(
    name,
    { vpcId, description: groupDescription(description), revokeRulesOnDelete: true },
    { ...opts, customTimeouts: { delete: INTERFACE_DELETE_TIMEOUT, ...opts.customTimeouts } },
  );

/** A rule without its direction: its group, the peer, the ports and the purpose. */
export interface RuleArgs {
  /** Id of the security group that gets the rule. */
  readonly group: pulumi.Input<string>;
  /** Peer: a security group's id, or a network in CIDR notation. */
  readonly peer: { readonly group: pulumi.Input<string> } | { readonly cidr: string };
  /** First and last TCP port. */
  readonly ports: readonly [number, number];
  /** Purpose of the rule; EC2 accepts only some ASCII characters. */
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

/**
 * Allows connections from a peer to a group. Every rule of the program is created by this function or `egressRule`, so
 * that its description is checked.
 */
export const ingressRule = (name: string, args: RuleArgs, opts: pulumi.CustomResourceOptions): pulumi.Resource =>
  new SecurityGroupIngressRule(name, ruleOf(args), opts);

/** Allows connections from a group to a peer. */
export const egressRule = (name: string, args: RuleArgs, opts: pulumi.CustomResourceOptions): pulumi.Resource =>
  new SecurityGroupEgressRule(name, ruleOf(args), opts);

/**
 * Allows one security group to connect to a TCP port of another: an egress rule of the first and an ingress rule of the
 * second.
 */
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

/** Allows outgoing HTTPS: to AWS services through endpoints or NAT, and to other hosts through NAT. */
export const allowHttps = (name: string, from: SecurityGroup, opts: pulumi.CustomResourceOptions): pulumi.Resource =>
  egressRule(
    `${name}-https`,
    {
      group: from.id,
      peer: { cidr: "0.0.0.0/0" },
      ports: [443, 443],
      description: "HTTPS to AWS and other hosts",
    },
    opts,
  );
