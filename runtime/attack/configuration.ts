import { FORBIDDEN, HOSTS } from "../testing/runner/addresses.ts";
import type { SourceChange } from "./sourceChange.ts";

/** Returns an IP address (IPv6 in brackets) or localhost as the host of a URL; nothing for other names. */
const hostsOf = (name: string): string[] => {
  const { host } = URL.parse(`https://${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}/`) ?? {};
  return host !== undefined && /^(?:[\d.]+|\[.*\]|localhost)$/.test(host) ? [host] : [];
};

/** Hosts of sources that no operator would allow, so that the runner's own check of addresses is reached. */
export const PRIVATE_HOSTS: readonly string[] = [
  ...new Set([...HOSTS, ...FORBIDDEN, "localhost"].flatMap(hostsOf)),
].filter((host) => host !== "1.1.1.1" && host !== "8.8.8.8");

/** Seconds that a request's headers, and the whole of it, may take on an attacked platform. */
export const HEADERS_SECONDS = 1;
export const REQUEST_SECONDS = 2;
/** Slots that one tenant may have at once. */
export const TENANT_SLOTS = 1;
/** Connections at once. */
export const CONNECTIONS = 300;

/**
 * Configuration of the attacked platforms, which no stack in the repository has. Some of its values are constants of
 * the code, which the code's own tests compare with the server's values.
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
