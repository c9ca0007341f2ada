import ipaddr from "ipaddr.js";

/** The prefix length of each of a VPC's subnets, of which every zone has a public and a private one. */
export const subnetPrefix = (vpcPrefix: number, zones: number): number => vpcPrefix + Math.ceil(Math.log2(2 * zones));

/** The prefix length of an IPv4 network in CIDR notation; undefined if it is none, or has bits beyond its prefix set. */
export function vpcPrefix(cidr: string): number | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) return undefined;
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  return address.toString() === ipaddr.IPv4.networkAddressFromCIDR(cidr).toString() ? prefix : undefined;
}
