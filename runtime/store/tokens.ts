import { createHash, randomBytes } from "node:crypto";
import type { Database } from "./jobs.ts";

/**
 * What a token may be used for. `submit` allows reads; an update needs `update` beside it. `admin` includes the others, and
 * every tenant.
 */
export const SCOPES = ["read", "submit", "update", "cancel", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Who calls: taken from the token, never from the request. */
export interface Caller {
  tokenId: string;
  tenant: string;
  scopes: readonly Scope[];
  /** Whether the day of last use is today already, so that nothing has to be recorded. */
  isUsedToday: boolean;
}

/** A token as a list shows it. */
export interface TokenInfo {
  id: string;
  name: string;
  tenant: string;
  scopes: Scope[];
  createdAt: string;
  expiresAt: string | null;
  /** YYYY-MM-DD, UTC. */
  lastUsedOn: string | null;
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
  /** ISO time from which on it is refused; left out, never. */
  expiresAt?: string | undefined;
}

/** What a new token is for. */
type TokenUse = Omit<KeptToken, "id" | "hash">;

/** Makes a token; its text is shown this once and kept nowhere. */
export function newToken(about: TokenUse): { token: string; kept: KeptToken } {
  const token = `rates_${randomBytes(BYTES).toString("base64url")}`;
  return { token, kept: { id: randomBytes(6).toString("hex"), hash: hash(token).toString("hex"), ...about } };
}

export async function keepToken(db: Database, { id, hash, name, tenant, scopes, expiresAt }: KeptToken): Promise<void> {
  await db.query(
    "insert into jobs.tokens (id, hash, name, tenant, scopes, expires_at) values ($1, decode($2, 'hex'), $3, $4, $5, $6) on conflict (id) do nothing",
    [id, hash, name, tenant, scopes, expiresAt ?? null],
  );
}

/** Makes a token and keeps it. */
export async function createToken(db: Database, about: TokenUse): Promise<{ id: string; token: string }> {
  const { token, kept } = newToken(about);
  await keepToken(db, kept);
  return { id: kept.id, token };
}

/** Condition of a token that may be used. */
const ACTIVE = "revoked_at is null and (expires_at is null or expires_at > jobs.clock())";

/** Who holds this token; undefined for one that is unknown, revoked or expired. */
export async function callerOf(db: Database, token: string): Promise<Caller | undefined> {
  const { rows } = await db.query(
    `select id, tenant, scopes, last_used_on is not distinct from (jobs.clock() at time zone 'UTC')::date as used
     from jobs.tokens where hash = $1 and ${ACTIVE}`,
    [hash(token)],
  );
  const [row] = rows;
  return row && { tokenId: row.id, tenant: row.tenant, scopes: row.scopes, isUsedToday: row.used };
}

/** Records today as the day on which a token was last used. */
export async function recordUse(db: Database, id: string): Promise<void> {
  await db.query("select jobs.token_used($1)", [id]);
}

/** Those of the tokens with these ids that are still valid. */
export async function activeTokens(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query(`select id from jobs.tokens where id = any ($1) and ${ACTIVE}`, [ids]);
  return new Set(rows.map(({ id }) => id));
}

export async function listTokens(db: Database): Promise<TokenInfo[]> {
  const { rows } = await db.query(
    `select id, name, tenant, scopes, jobs.iso(created_at) as created, jobs.iso(expires_at) as expires, last_used_on::text as used,
       jobs.iso(revoked_at) as revoked from jobs.tokens order by created_at`,
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    tenant: row.tenant,
    scopes: row.scopes,
    createdAt: row.created,
    expiresAt: row.expires,
    lastUsedOn: row.used,
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
