import { createHash } from "node:crypto";

/** First part of the keys of a tenant's uploads over the API. It does not show the tenant's name. */
export const uploadPrefix = (tenant: string): string => createHash("sha256").update(tenant).digest("hex").slice(0, 16);

const UPLOAD_KEY = /^[0-9a-f]{16}\//;
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Settings of a stack for keys that were not uploaded over the API. */
export interface UploadRules {
  /** True if the stack names more than one tenant. */
  readonly hasSeveralTenants: boolean;
  /** Beginnings of keys that every tenant may load. */
  readonly sharedPrefixes: readonly string[];
}

/**
 * Returns true if a tenant's message may load an object of the uploads bucket. Uploads over the API belong to their
 * tenant. Other keys are written by principals that the bucket's policy names. The only tenant of a stack may load all
 * of these; one of several tenants may load those below its own name and the shared ones.
 */
export function mayLoad(key: string, tenant: string, { hasSeveralTenants, sharedPrefixes }: UploadRules): boolean {
  // A client or proxy that resolves dots would read a different key from the compared one.
  if (DOT_SEGMENT.test(key)) return false;
  if (UPLOAD_KEY.test(key)) return key.startsWith(`${uploadPrefix(tenant)}/`);
  return !hasSeveralTenants || key.startsWith(`${tenant}/`) || sharedPrefixes.some((prefix) => key.startsWith(prefix));
}
