import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** IPv6 range of public addresses. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** An IPv4 address in an IPv6 one without the prefix that says so: ipaddr.js would take it for a mapped one. */
const COMPATIBLE = /^::\d+\./;

/**
 * Returns true for an address of the public Internet. All others are refused by their class, not by a list of our own:
 * private, loopback, link-local (the cloud's metadata service), carrier-grade NAT, multicast, reserved, benchmark and
 * documentation ranges, and IPv6 forms that contain an IPv4 address (mapped ones are judged by that address).
 */
export function isPublicAddress(address: string): boolean {
  // Only the system's notation: readers disagree about short and octal forms, and an address with a zone is for this
  // machine's own links.
  if (isIP(address) === 0 || address.includes("%") || COMPATIBLE.test(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== "unicast") return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST);
}
