/**
 * Scopes of a token. `submit` allows reads; an update also needs `update`. `admin` includes all others, and every
 * tenant.
 */
export const SCOPES = ["read", "submit", "update", "cancel", "admin"] as const;
/** A scope of a token. */
export type Scope = (typeof SCOPES)[number];
