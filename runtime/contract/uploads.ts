import { createHash } from "node:crypto";

/** First part of the keys of a tenant's uploads over the API. It does not show the tenant's name. */
export const uploadPrefix = (tenant: string): string => createHash("sha256").update(tenant).digest("hex").slice(0, 16);

const UPLOAD_KEY = /^[0-9a-f]{16}\//;
const DOTS = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** What a stack says of keys that are nobody's upload over the API. */
export interface UploadRules {
  /** Whether the stack names more than one tenant. */
  readonly hasSeveralTenants: boolean;
  /** Beginnings of keys that every tenant may load. */
  readonly shared: readonly string[];
}

/**
 * Whether a message of a tenant may load an object of the uploads bucket. Uploads over the API are their tenant's. Other keys
 * are put there by principals whom the bucket's policy allows to: in a stack of one tenant it may load them all, in a stack
 * of several each tenant those below its own name, and those that are shared.
 */
export function mayLoad(key: string, tenant: string, { hasSeveralTenants, shared }: UploadRules): boolean {
  // A client or proxy that resolves dots would read another key than the one that was compared.
  if (DOTS.test(key)) return false;
  if (UPLOAD_KEY.test(key)) return key.startsWith(`${uploadPrefix(tenant)}/`);
  return !hasSeveralTenants || key.startsWith(`${tenant}/`) || shared.some((beginning) => key.startsWith(beginning));
}
