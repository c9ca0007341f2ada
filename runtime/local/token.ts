import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { DEFAULT_TENANT } from "../contract/request.ts";
import { callerOf, createToken, SCOPES } from "../store/tokens.ts";

/**
 * The API token of this machine's user, with every scope: made on the first start and kept in `<dataDir>/token` (mode
 * 600), since the database knows its hash only. One that was lost or revoked is replaced. `url`: the superuser's.
 */
export async function localToken(dataDir: string, url: string): Promise<string> {
  const file = join(dataDir, "token");
  const kept = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  const client = new pg.Client(url);
  await client.connect();
  try {
    if (kept !== "" && (await callerOf(client, kept)) !== undefined) return kept;
    const { token } = await createToken(client, { name: "local", tenant: DEFAULT_TENANT, scopes: SCOPES });
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    return token;
  } finally {
    await client.end();
  }
}
