import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { DEFAULT_TENANT } from "../contract/request.ts";
import { callerOf, createToken, SCOPES } from "../store/tokens.ts";

/**
 * Returns the API token of this machine's user, with every scope. It is created on the first start and kept in
 * `<dataDir>/token` (mode 600), since the database stores only its hash. A lost or revoked token is replaced.
 *
 * @param url - URL of the database for the superuser.
 */
export async function localToken(dataDir: string, url: string): Promise<string> {
  const file = join(dataDir, "token");
  const stored = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  const client = new pg.Client(url);
  await client.connect();
  try {
    if (stored !== "" && (await callerOf(client, stored)) !== undefined) return stored;
    const { token } = await createToken(client, { name: "local", tenant: DEFAULT_TENANT, scopes: SCOPES });
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    return token;
  } finally {
    await client.end();
  }
}
