import type { Database } from "./jobs.ts";
import { type Caller, hashOfSecret, newSecret, type Scope } from "./tokens.ts";

/** A new session or sign-in link; its secret is returned once and not stored. */
export interface CreatedSession {
  id: string;
  secret: string;
  /** ISO time. */
  expiresAt: string;
}

/** User and permissions of a session. */
export interface SessionHolder {
  name: string;
  tenant: string;
  scopes: readonly Scope[];
  /** Id of the credential whose end also ends the session. Undefined for a sign-in at an identity provider. */
  parent: string | undefined;
  /** Owner, who may have at most 50 sessions: the parent, or the person at the identity provider. */
  owner: string;
  /** ID token of the sign-in. */
  proof?: string | undefined;
  /** Latest expiry (ISO): that of the creating credential. @default none; the session still ends with its parent */
  until?: string | undefined;
}

const PREFIX = { session: "rates_s_", link: "rates_l_" } as const;

/**
 * Returns the holder of a session that a caller creates for itself, with its own permissions. The session ends no later
 * than the caller's own credential, so that a session cannot renew itself, and no later than the credential that
 * created the caller's session.
 */
export function holderOf({ tokenId, parent, owner, name, tenant, scopes, expiresAt }: Caller): SessionHolder {
  return { name, tenant, scopes, parent: parent ?? tokenId, owner, until: expiresAt };
}

/**
 * Creates a session, or a link that signs in once.
 *
 * @returns undefined if the parent is no longer active, or if the ID token was already used
 */
export async function createSession(
  db: Database,
  kind: "session" | "link",
  { name, tenant, scopes, parent, owner, proof, until }: SessionHolder,
  seconds: number,
): Promise<CreatedSession | undefined> {
  const { secret, id, hash } = newSecret(PREFIX[kind]);
  const proofHash = proof === undefined ? null : hashOfSecret(proof).toString("hex");
  const { rows } = await db.query(
    "select jobs.iso(jobs.store_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)) as expires",
    [id, hash, kind, name, tenant, scopes, parent ?? null, owner, proofHash, seconds, until ?? null],
  );
  const expiresAt: string | null = rows[0].expires;
  return expiresAt === null ? undefined : { id, secret, expiresAt };
}

/**
 * Exchanges the code of a link for a session.
 *
 * @returns undefined for a code that is unknown, was used, has expired, or whose parent has ended
 */
export async function redeemLink(db: Database, code: string, seconds: number): Promise<CreatedSession | undefined> {
  const { secret, id, hash } = newSecret(PREFIX.session);
  const { rows } = await db.query("select jobs.iso(expires_at) as expires from jobs.redeem_link($1, $2, $3, $4)", [
    hashOfSecret(code).toString("hex"),
    id,
    hash,
    seconds,
  ]);
  return rows[0] && { id, secret, expiresAt: rows[0].expires };
}

/** Ends a session. */
export async function endSession(db: Database, id: string): Promise<void> {
  await db.query("select jobs.revoke_token($1)", [id]);
}
