import { randomUUID } from "node:crypto";
import { SCOPES, type Scope } from "../../store/tokens.ts";
import type { Client } from "./apiClient.ts";
import { type Check, failed, passed, skipped } from "./doctor.ts";
import { CommandError } from "./exits.ts";

/** Maximum clock difference. A larger one makes listed times misleading; AWS refuses signatures that are minutes off. */
const MAX_SKEW_MS = 30_000;
/** Timeout of each request; the platform normally responds within milliseconds. */
const TIMEOUT_MS = 10_000;

const START_REMEDY =
  "`npm start` starts it on this machine; for a deployed stack, check the targets of its load balancer.";

/** Checks that the platform responds, is ready, accepts the token, and that the clocks agree. */
export async function platformChecks(client: Client, remedy = START_REMEDY): Promise<Check[]> {
  const before = Date.now();
  let response: Response;
  try {
    response = await client.fetch("GET", "/healthz", undefined, AbortSignal.timeout(TIMEOUT_MS));
  } catch (error) {
    const finding =
      error instanceof CommandError
        ? (error.message.split("\n")[0] ?? "")
        : `${client.base} does not respond within ${TIMEOUT_MS / 1000} s`;
    return [
      failed("platform", finding, remedy),
      ...["clock", "database", "token"].map((name) => skipped(name, "the platform does not respond", remedy)),
    ];
  }
  const after = Date.now();
  return [
    passed("platform", `${client.base} responds in ${after - before} ms`),
    clockCheck(response.headers.get("date"), before, after),
    await readyCheck(client),
    ...(await tokenChecks(client)),
  ];
}

/** Compares the server's clock with this machine's. The Date header has whole seconds. */
export function clockCheck(header: string | null, before: number, after: number): Check {
  const serverTime = Date.parse(header ?? "");
  if (Number.isNaN(serverTime)) return skipped("clock", "the response has no Date header", "A proxy may remove it.");
  const skew = Math.max(serverTime - after, before - (serverTime + 999), 0);
  if (skew <= MAX_SKEW_MS) return passed("clock", skew === 0 ? "agrees with the platform's" : `differs by ${skew} ms`);
  return failed(
    "clock",
    `is ${Math.round(skew / 1000)} s ${serverTime > after ? "behind" : "ahead of"} the platform's`,
    "Let this machine set its clock by NTP (timedatectl set-ntp true): AWS refuses requests that are minutes off.",
  );
}

/** Requests /readyz, which connects to the database as the API does and fails if roles or tables are missing. */
async function readyCheck(client: Client): Promise<Check> {
  try {
    await client.fetch("GET", "/readyz", undefined, AbortSignal.timeout(TIMEOUT_MS));
    return passed("database", "the API can log in and read");
  } catch (error) {
    return failed(
      "database",
      error instanceof CommandError ? (error.message.split("\n")[0] ?? "") : "/readyz does not respond in time",
      "Check that Postgres runs and accepts connections, and that the last deployment's migration steps, which create roles and tables, succeeded.",
    );
  }
}

/** One request per scope. It requires that scope and changes nothing. */
const PROBES: Record<Scope, (client: Client) => [method: string, path: string, body?: unknown]> = {
  read: () => ["GET", "/queries"],
  // An invalid request: refused as invalid if the token has the scope.
  submit: () => ["POST", "/jobs", []],
  update: () => ["POST", "/uploads", {}],
  cancel: (client) => ["POST", client.jobPath(`doctor.${randomUUID()}`, "/cancel"), {}],
  admin: () => ["GET", `/jobs?limit=1&tenant=doctor-${randomUUID().slice(0, 8)}`],
};

async function tokenChecks(client: Client): Promise<Check[]> {
  const scopes: Scope[] = [];
  for (const scope of SCOPES) {
    const [method, path, body] = PROBES[scope](client);
    try {
      await client.fetch(method, path, body, AbortSignal.timeout(TIMEOUT_MS));
      scopes.push(scope);
    } catch (error) {
      const transientRemedy = "Try again in a moment; the server's log has the cause.";
      if (!(error instanceof CommandError))
        return [failed("token", `${method} ${path} does not respond within ${TIMEOUT_MS / 1000} s`, transientRemedy)];
      const status = (error.data as { status?: number }).status;
      if (status === 401)
        return [
          failed(
            "token",
            error.message.split("\n")[0] ?? "",
            "Give another token with --token or RATES_TOKEN; an admin creates one with `rates token create`.",
          ),
        ];
      if (error.isTransient) return [failed("token", error.message.split("\n")[0] ?? "", transientRemedy)];
      if (status !== 403) scopes.push(scope);
    }
  }
  if (scopes.length > 0) return [passed("token", `may ${scopes.join(", ")}`)];
  return [failed("token", "is valid, but has no scopes", "An admin creates one with scopes: `rates token create`.")];
}
