/**
 * What a token may be used for. `submit` allows reads; an update needs `update` beside it. `admin` includes the others, and
 * every tenant.
 */
export const SCOPES = ["read", "submit", "update", "cancel", "admin"] as const;
export type Scope = (typeof SCOPES)[number];
