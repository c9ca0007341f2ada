/** @typedef {import("../../../../store/tokens.ts").TokenInfo} TokenInfo */

/** Returns true if a token is revoked or expired. @type {(token: TokenInfo, now: number) => boolean} */
export const isEnded = ({ revokedAt, expiresAt }, now) =>
  revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= now);

/**
 * Returns true if every word of a text is in the id, kind, name, tenant or scopes of a token.
 * @type {(token: TokenInfo, text: string) => boolean}
 */
export function matches({ id, kind, name, tenant, scopes }, text) {
  const fields = [id, kind, name, tenant, ...scopes].join(" ").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => fields.includes(word));
}
