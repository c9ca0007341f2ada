import ipaddr from "ipaddr.js";

/** Prefix length of a VPC's subnets; every zone has a public and a private one. */
export const subnetPrefix = (vpcPrefix: number, zones: number): number => vpcPrefix + Math.ceil(Math.log2(2 * zones));

/**
 * Parses the prefix length of an IPv4 network in CIDR notation.
 *
 * @returns undefined if it is invalid or has bits set beyond its prefix
 */
export function vpcPrefix(cidr: string): number | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) return undefined;
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  return address.toString() === ipaddr.IPv4.networkAddressFromCIDR(cidr).toString() ? prefix : undefined;
}

/** IPv4 ranges that no VPC may use: 0.0.0.0/8, loopback, link-local and multicast. */
const RANGES_WITHOUT_VPC: ReadonlySet<string> = new Set(["unspecified", "loopback", "linkLocal", "multicast"]);

/** Returns true if a VPC may use a valid CIDR block. */
export const isVpcRange = (cidr: string): boolean => !RANGES_WITHOUT_VPC.has(ipaddr.IPv4.parseCIDR(cidr)[0].range());
