import { createHash, randomBytes } from "node:crypto";
import type { Database } from "./store.ts";

/** What a token may be used for. `admin` includes the others, and every tenant. */
export const SCOPES = ["read", "submit", "cancel", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Who calls: taken from the token, never from the request. */
export interface Caller {
  tokenId: string;
  tenant: string;
  scopes: readonly Scope[];
}

/** A token as a list shows it. */
export interface TokenInfo {
  id: string;
  name: string;
  tenant: string;
  scopes: Scope[];
  createdAt: string;
  revokedAt: string | null;
}

/** 256 bits: guessing one is out of the question, so a plain SHA-256 is all that keeping it safe takes. */
const BYTES = 32;
const hash = (token: string) => createHash("sha256").update(token).digest();

/** What the database keeps of a token: nothing that it could be made from again. */
export interface KeptToken {
  id: string;
  /** SHA-256, hexadecimal. */
  hash: string;
  name: string;
  tenant: string;
  scopes: readonly Scope[];
}

/** Makes a token; its text is shown this once and kept nowhere. */
export function newToken(about: Pick<KeptToken, "name" | "tenant" | "scopes">): { token: string; kept: KeptToken } {
  const token = `rates_${randomBytes(BYTES).toString("base64url")}`;
  return { token, kept: { id: randomBytes(6).toString("hex"), hash: hash(token).toString("hex"), ...about } };
}

export async function keepToken(db: Database, { id, hash, name, tenant, scopes }: KeptToken): Promise<void> {
  await db.query(
    "insert into jobs.tokens (id, hash, name, tenant, scopes) values ($1, decode($2, 'hex'), $3, $4, $5) on conflict (id) do nothing",
    [id, hash, name, tenant, scopes],
  );
}

/** Makes a token and keeps it. */
export async function createToken(
  db: Database,
  about: Pick<KeptToken, "name" | "tenant" | "scopes">,
): Promise<{ id: string; token: string }> {
  const { token, kept } = newToken(about);
  await keepToken(db, kept);
  return { id: kept.id, token };
}

/** Who holds this token; undefined for one that is unknown or revoked. */
export async function callerOf(db: Database, token: string): Promise<Caller | undefined> {
  const { rows } = await db.query("select id, tenant, scopes from jobs.tokens where hash = $1 and revoked_at is null", [
    hash(token),
  ]);
  return rows[0] && { tokenId: rows[0].id, tenant: rows[0].tenant, scopes: rows[0].scopes };
}

/** Those of the tokens with these ids that are still valid. */
export async function activeTokens(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query("select id from jobs.tokens where id = any ($1) and revoked_at is null", [ids]);
  return new Set(rows.map(({ id }) => id));
}

export async function listTokens(db: Database): Promise<TokenInfo[]> {
  const { rows } = await db.query(
    "select id, name, tenant, scopes, jobs.iso(created_at) as created, jobs.iso(revoked_at) as revoked from jobs.tokens order by created_at",
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    tenant: row.tenant,
    scopes: row.scopes,
    createdAt: row.created,
    revokedAt: row.revoked,
  }));
}

/** False where there is no such token, or none that is not revoked already. */
export async function revokeToken(db: Database, id: string): Promise<boolean> {
  const { rows } = await db.query(
    "update jobs.tokens set revoked_at = jobs.clock() where id = $1 and revoked_at is null returning id",
    [id],
  );
  return rows.length > 0;
}
