import { createHash } from "node:crypto";

/** First part of the keys of a tenant's uploads. It does not show the tenant's name. */
export const uploadPrefix = (tenant: string): string => createHash("sha256").update(tenant).digest("hex").slice(0, 16);

const UPLOAD_KEY = /^[0-9a-f]{16}\//;

/**
 * Whether an object of the uploads bucket is the upload of another tenant. Keys without a tenant's prefix are put there by
 * those whom the bucket's policy allows to, not through the API.
 */
export const isForeignUpload = (key: string, tenant: string): boolean =>
  UPLOAD_KEY.test(key) && !key.startsWith(`${uploadPrefix(tenant)}/`);
