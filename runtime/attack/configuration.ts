import { FORBIDDEN, HOSTS } from "../testing/runner/addresses.ts";
import type { SourceChange } from "./sourceChange.ts";

/** Converts an IP address or localhost to the host of a URL (IPv6 in brackets). Returns no host for other names. */
const hostsOf = (name: string): string[] => {
  const { host } = URL.parse(`https://${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}/`) ?? {};
  return host !== undefined && /^(?:[\d.]+|\[.*\]|localhost)$/.test(host) ? [host] : [];
};

/** Private hosts that this configuration allows as sources, so that only the runner's address check refuses them. */
export const PRIVATE_HOSTS: readonly string[] = [
  ...new Set([...HOSTS, ...FORBIDDEN, "localhost"].flatMap(hostsOf)),
].filter((host) => host !== "1.1.1.1" && host !== "8.8.8.8");

/** Time limits for a request's headers and for the whole request on an attacked platform, in seconds. */
export const HEADERS_SECONDS = 1;
export const REQUEST_SECONDS = 2;
/** Maximum Glue slots per tenant. */
export const TENANT_SLOTS = 1;
/** Maximum concurrent connections of the API. */
export const CONNECTIONS = 300;

/**
 * Configuration of attacked platforms, which differs from every stack in the repository. It is a list of source
 * changes, since some of its values are constants in the code.
 */
export const CONFIGURATION: readonly SourceChange[] = [
  {
    file: "../local/plan.ts",
    from: "  return {\n    ...settings,\n    version:",
    to: `  Object.assign(settings.jobs, { urlHosts: ${JSON.stringify(PRIVATE_HOSTS)} });
  settings.runners.glue.tenantSlots = ${TENANT_SLOTS};
  settings.api.limits.connections = ${CONNECTIONS};
  return {\n    ...settings,\n    version:`,
  },
  { file: "../api/timeouts.ts", from: "HEADERS_SECONDS = 15", to: `HEADERS_SECONDS = ${HEADERS_SECONDS}` },
  { file: "../api/timeouts.ts", from: "REQUEST_SECONDS = 60", to: `REQUEST_SECONDS = ${REQUEST_SECONDS}` },
];
