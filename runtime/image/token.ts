import { parseArgs } from "node:util";
import { connect } from "../jobs/database.ts";
import { DEFAULT_TENANT } from "../jobs/request.ts";
import { createToken, SCOPES } from "../jobs/tokens.ts";

const USAGE = `node runtime/image/token.ts --name NAME [--tenant ${DEFAULT_TENANT}] [--scopes ${SCOPES.join(",")}]
Makes an API token in the database of the environment and prints it, this once: the database keeps its hash only.`;

/** See USAGE. It logs in as migrator, who owns the tokens. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      name: { type: "string" },
      tenant: { type: "string", default: DEFAULT_TENANT },
      scopes: { type: "string", default: SCOPES.join(",") },
    },
  });
  if (!values.name) throw new Error("--name says whose token it is.");
  const scopes = values.scopes.split(",").map((given) => {
    const scope = SCOPES.find((one) => one === given);
    if (scope === undefined) throw new Error(`--scopes: '${given}' is none of ${SCOPES.join(", ")}.`);
    return scope;
  });
  const db = await connect("migrator");
  try {
    console.log((await createToken(db, { name: values.name, tenant: values.tenant, scopes })).token);
  } finally {
    await db.end();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 1;
});
