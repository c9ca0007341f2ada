import ipaddr from "ipaddr.js";

/**
 * Whether an address lies in the public Internet. Everything else is refused by its class, not by a list of our own:
 * private, loopback, link-local (the cloud's metadata service), carrier-grade NAT, multicast, reserved, benchmark and
 * documentation ranges, and IPv6 forms that carry an IPv4 address (mapped ones are judged by what they carry).
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === "unicast";
}
