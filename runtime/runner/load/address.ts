import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** What of IPv6 is given out as public addresses at all. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** An IPv4 address in an IPv6 one without the prefix that says so: ipaddr.js would take it for a mapped one. */
const COMPATIBLE = /^::\d+\./;

/**
 * Whether an address lies in the public Internet. Everything else is refused by its class, not by a list of our own:
 * private, loopback, link-local (the cloud's metadata service), carrier-grade NAT, multicast, reserved, benchmark and
 * documentation ranges, and IPv6 forms that carry an IPv4 address (mapped ones are judged by what they carry).
 */
export function isPublicAddress(address: string): boolean {
  // Addresses as the system writes them: short and octal forms are read differently by whoever reads them, and one with a
  // zone is meant for this machine's own links.
  if (isIP(address) === 0 || address.includes("%") || COMPATIBLE.test(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== "unicast") return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST);
}
