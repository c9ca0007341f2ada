import { parseArgs } from "node:util";
import { DEFAULT_TENANT } from "../contract/request.ts";
import { connect } from "../platform/postgres.ts";
import { createToken, newToken, SCOPES } from "../store/tokens.ts";

const USAGE = `node runtime/image/token.ts --name NAME [--tenant ${DEFAULT_TENANT}] [--scopes ${SCOPES.join(",")}] [--expires 2030-01-31T12:00:00Z]
Creates an API token in the database that DATABASE_HOST and DATABASE_NAME name, and prints it once; the database stores only its hash.
With --offline no database is used: prints the token to stderr, and to stdout the payload for the migrations function
(docs/first-deployment.md), which contains the token's hash instead of the token.`;

/** Runs the command (USAGE). Without --offline, logs in as migrator, which owns the tokens. */
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
  const scopes = values.scopes.split(",").map((text) => {
    const scope = SCOPES.find((known) => known === text);
    if (scope === undefined) throw new Error(`--scopes: '${text}' must be one of ${SCOPES.join(", ")}.`);
    return scope;
  });
  const { name, tenant, expires } = values;
  const expiresAt = expires === undefined ? undefined : new Date(expires);
  if (expiresAt && Number.isNaN(expiresAt.getTime())) throw new Error(`--expires: '${expires}' is not a time.`);
  const tokenFields = { name, tenant, scopes, ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}) };
  if (values.offline) {
    const { token, record } = newToken(tokenFields);
    console.error(token);
    console.log(JSON.stringify({ token: record }));
    return;
  }
  const db = await connect("migrator");
  try {
    console.log((await createToken(db, tokenFields)).token);
  } finally {
    await db.end();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 1;
});
