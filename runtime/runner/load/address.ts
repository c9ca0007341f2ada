import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** IPv6 range of public addresses. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** IPv4-compatible IPv6 addresses (::1.2.3.4), which ipaddr.js would parse as IPv4-mapped addresses. */
const COMPATIBLE = /^::\d+\./;

/**
 * Returns true for an address of the public Internet, by the classes of ipaddr.js. Returns false for private, loopback,
 * link-local (the cloud's metadata service), carrier-grade NAT, multicast, reserved, benchmark and documentation ranges,
 * and for IPv6 forms that contain an IPv4 address, except a mapped address with a public IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  // Only the notation that Node accepts: parsers disagree about short and octal forms. An address with a zone is
  // link-local.
  if (isIP(address) === 0 || address.includes("%") || COMPATIBLE.test(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== "unicast") return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST);
}
