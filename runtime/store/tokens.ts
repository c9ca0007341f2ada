import { createHash, randomBytes } from "node:crypto";
import type { Scope } from "../contract/scopes.ts";
import type { Database } from "./jobs.ts";

export { SCOPES, type Scope } from "../contract/scopes.ts";

/** Kinds of credentials that a call may carry. */
export type CredentialKind = "token" | "session";

/** Caller, identified by its credential alone. */
export interface Caller {
  /** Id of the token or session. */
  tokenId: string;
  kind: CredentialKind;
  /** Name of the token, or of the person who signed in. */
  name: string;
  /** Of a session: id of the credential whose end also ends it. */
  parent: string | undefined;
  /** Id of the token, or of the person at the identity provider. A session has the owner of its creating credential. */
  owner: string;
  /** Expiry (ISO); undefined if it never expires. */
  expiresAt: string | undefined;
  tenant: string;
  scopes: readonly Scope[];
  /** True if the day of last use is already today, so that nothing must be recorded. */
  isUsedToday: boolean;
}

/** A token or session in a list. */
export interface TokenInfo {
  id: string;
  kind: CredentialKind;
  name: string;
  tenant: string;
  scopes: Scope[];
  createdAt: string;
  expiresAt: string | null;
  /** YYYY-MM-DD, UTC. */
  lastUsedOn: string | null;
  revokedAt: string | null;
}

/** Bytes of a secret: 256 random bits cannot be guessed, so the hash needs no salt. */
const SECRET_BYTES = 32;

/** Returns the hash of a token, a session's secret or a link's code. */
export const hashOfSecret = (secret: string): Buffer => createHash("sha256").update(secret).digest();

/** Creates a secret, with the id and the hash (hexadecimal) under which the database stores it. */
export function newSecret(prefix: string): { secret: string; id: string; hash: string } {
  const secret = `${prefix}${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { secret, id: randomBytes(6).toString("hex"), hash: hashOfSecret(secret).toString("hex") };
}

/** Stored data of a token, from which the token cannot be derived. */
export interface TokenRecord {
  id: string;
  /** SHA-256, hexadecimal. */
  hash: string;
  name: string;
  tenant: string;
  scopes: readonly Scope[];
  /** Expiry (ISO). @default never */
  expiresAt?: string | undefined;
}

/** Properties of a new token. */
type TokenProperties = Omit<TokenRecord, "id" | "hash">;

/** Creates a token; its text is returned once and not stored. */
export function newToken(properties: TokenProperties): { token: string; record: TokenRecord } {
  const { secret: token, id, hash } = newSecret("rates_");
  return { token, record: { id, hash, ...properties } };
}

/** Stores a token, unless its id exists. */
export async function storeToken(
  db: Database,
  { id, hash, name, tenant, scopes, expiresAt }: TokenRecord,
): Promise<void> {
  await db.query(
    "insert into jobs.tokens (id, hash, name, tenant, scopes, expires_at) values ($1, decode($2, 'hex'), $3, $4, $5, $6) on conflict (id) do nothing",
    [id, hash, name, tenant, scopes, expiresAt ?? null],
  );
}

/** Creates and stores a token. */
export async function createToken(db: Database, properties: TokenProperties): Promise<{ id: string; token: string }> {
  const { token, record } = newToken(properties);
  await storeToken(db, record);
  return { id: record.id, token };
}

/** Returns the caller with this token or session; undefined if it is unknown, revoked or expired. */
export async function callerOf(db: Database, secret: string): Promise<Caller | undefined> {
  const { rows } = await db.query(
    `select id, kind, name, tenant, scopes, parent, coalesce(owner, id) as owner, jobs.iso(expires_at) as expires,
       last_used_on is not distinct from (jobs.clock() at time zone 'UTC')::date as used
     from jobs.active_credentials where hash = $1 and kind <> 'link'`,
    [hashOfSecret(secret)],
  );
  const [row] = rows;
  return (
    row && {
      tokenId: row.id,
      kind: row.kind,
      name: row.name,
      parent: row.parent ?? undefined,
      owner: row.owner,
      expiresAt: row.expires ?? undefined,
      tenant: row.tenant,
      scopes: row.scopes,
      isUsedToday: row.used,
    }
  );
}

/** Records today as the day on which a token was last used. */
export async function recordUse(db: Database, id: string): Promise<void> {
  await db.query("select jobs.token_used($1)", [id]);
}

/** Returns those of the given ids that belong to a valid token, session or link. */
export async function activeTokens(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query("select id from jobs.active_credentials where id = any ($1)", [ids]);
  return new Set(rows.map(({ id }) => id));
}

/** Maximum credentials in a list. */
const MAX_LISTED = 1_000;

/** Lists up to 1,000 tokens and active sessions: valid ones first, tokens before sessions, the newest first. */
export async function listTokens(db: Database): Promise<TokenInfo[]> {
  const { rows } = await db.query(
    `select id, kind, name, tenant, scopes, jobs.iso(created_at) as created, jobs.iso(expires_at) as expires, last_used_on::text as used,
       jobs.iso(revoked_at) as revoked
     from jobs.tokens t
     where kind = 'token' or (kind = 'session' and exists (select from jobs.active_credentials a where a.id = t.id))
     order by revoked_at is not null or coalesce(expires_at <= jobs.clock(), false), kind = 'session', created_at desc, id limit $1`,
    [MAX_LISTED],
  );
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    name: row.name,
    tenant: row.tenant,
    scopes: row.scopes,
    createdAt: row.created,
    expiresAt: row.expires,
    lastUsedOn: row.used,
    revokedAt: row.revoked,
  }));
}
