import { parseArgs } from "node:util";
import { DEFAULT_TENANT } from "../contract/request.ts";
import { connect } from "../platform/postgres.ts";
import { createToken, newToken, SCOPES } from "../store/tokens.ts";

const USAGE = `node runtime/image/token.ts --name NAME [--tenant ${DEFAULT_TENANT}] [--scopes ${SCOPES.join(",")}] [--expires 2030-01-31T12:00:00Z]
Makes an API token in the database of the environment and prints it, this once: the database keeps its hash only.
With --offline it touches no database: it prints the token on stderr, and on stdout what to invoke the function of the
migrations with (docs/first-deployment.md), which gets the hash only.`;

/** See USAGE. It logs in as migrator, which owns the tokens. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      name: { type: "string" },
      offline: { type: "boolean", default: false },
      tenant: { type: "string", default: DEFAULT_TENANT },
      scopes: { type: "string", default: SCOPES.join(",") },
      expires: { type: "string" },
    },
  });
  if (!values.name) throw new Error("Name the owner of the token with --name.");
  const scopes = values.scopes.split(",").map((given) => {
    const scope = SCOPES.find((one) => one === given);
    if (scope === undefined) throw new Error(`--scopes: '${given}' is none of ${SCOPES.join(", ")}.`);
    return scope;
  });
  const { name, tenant, expires } = values;
  const at = expires === undefined ? undefined : new Date(expires);
  if (at && Number.isNaN(at.getTime())) throw new Error(`--expires: '${expires}' is not a time.`);
  const about = { name, tenant, scopes, ...(at ? { expiresAt: at.toISOString() } : {}) };
  if (values.offline) {
    const { token, kept } = newToken(about);
    console.error(token);
    console.log(JSON.stringify({ token: kept }));
    return;
  }
  const db = await connect("migrator");
  try {
    console.log((await createToken(db, about)).token);
  } finally {
    await db.end();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 1;
});
