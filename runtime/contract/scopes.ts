/**
 * Scopes of a token. `submit` allows reads; an update also needs `update`. `admin` includes all others, and every
 * tenant.
 */
export const SCOPES = ["read", "submit", "update", "cancel", "admin"] as const;
export type Scope = (typeof SCOPES)[number];
