import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { AwsError } from "./errors.ts";
import type { Principal } from "./principals.ts";

// Signature Version 4, as in "Create a signed AWS API request" and "Authenticating Requests: Using Query Parameters" of
// AWS's documentation. Signatures of single chunks (STREAMING-AWS4-HMAC-SHA256-PAYLOAD) are not verified.

const ALGORITHM = "AWS4-HMAC-SHA256";
/** Maximum clock skew of the client, as in AWS. */
const MAX_SKEW_MS = 15 * 60_000;
const MAX_PRESIGNED_SECONDS = 7 * 24 * 3600;
const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/** A received request without its body. */
export interface SignedRequest {
  method: string;
  /** Path and query as sent. */
  url: string;
  headers: IncomingHttpHeaders;
}

interface Credential {
  accessKeyId: string;
  scope: string;
  date: string;
  region: string;
  service: string;
}

/** Input of `verifySignature` in addition to the request. */
export interface VerificationInput {
  /** Services that the credential may be scoped to. */
  services: readonly string[];
  find(accessKeyId: string): Principal | undefined;
  /** SHA-256 of the body in hexadecimal, for services whose clients, unlike S3's, do not send it in a header. */
  bodyHash?: string;
  /** Milliseconds since 1970. @default Date.now() */
  now?: number;
}

/**
 * Verifies the signature of a request, in its Authorization header or in its query (presigned).
 * @returns the principal that signed it
 * @throws AwsError with the code that AWS returns
 */
export function verifySignature(
  request: SignedRequest,
  { services, find, bodyHash, now = Date.now() }: VerificationInput,
): Principal {
  const { path, query } = splitUrl(request.url);
  const isPresigned = query.some(([name]) => name === "X-Amz-Signature" || name === "X-Amz-Algorithm");
  const signed = isPresigned ? fromQuery(query) : fromHeader(request.headers);
  checkTime(signed.time, isPresigned ? signed.expires : undefined, now);
  if (!services.includes(signed.credential.service))
    throw new AwsError("SignatureDoesNotMatch", `The credential must be scoped to ${services.join(" or ")}.`, 403);
  const principal = find(signed.credential.accessKeyId);
  if (principal === undefined)
    throw new AwsError("InvalidAccessKeyId", "The access key is unknown. `rates env` prints the credentials.", 403);
  checkHeaders(request.headers, signed.headers);
  const payload = isPresigned ? undefined : header(request.headers, "x-amz-content-sha256");
  const otherLines = [
    canonicalQuery(query.filter(([name]) => !(isPresigned && name === "X-Amz-Signature"))),
    ...signed.headers.map((name) => `${name}:${collapse(header(request.headers, name) ?? "")}`),
    "",
    signed.headers.join(";"),
    payload ?? bodyHash ?? UNSIGNED_PAYLOAD,
  ];
  const key = signingKey(principal.secretAccessKey, signed.credential);
  const matches = canonicalPaths(path, signed.credential.service).some((candidate) => {
    const canonical = [request.method, candidate, ...otherLines].join("\n");
    const text = [ALGORITHM, signed.time, signed.credential.scope, sha256(canonical)].join("\n");
    return equal(createHmac("sha256", key).update(text).digest("hex"), signed.signature);
  });
  if (!matches)
    throw new AwsError("SignatureDoesNotMatch", "The signature does not match the request and the secret key.", 403);
  return principal;
}

/** SHA-256 in hexadecimal. */
export const sha256 = (data: string | Buffer): string => hash("sha256", data);

/** Splits a URL into its path and query; names and values of the query are decoded. */
function splitUrl(url: string): { path: string; query: [string, string][] } {
  const at = url.indexOf("?");
  if (at === -1) return { path: url, query: [] };
  const pairs = url
    .slice(at + 1)
    .split("&")
    .filter((pair) => pair !== "");
  const query = pairs.map((pair): [string, string] => {
    const equals = pair.indexOf("=");
    return equals === -1 ? [decode(pair), ""] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
  });
  return { path: url.slice(0, at), query };
}

interface Signed {
  credential: Credential;
  headers: string[];
  signature: string;
  /** Time of the signature in the basic format of ISO 8601. */
  time: string;
  expires?: string;
}

function fromHeader(headers: IncomingHttpHeaders): Signed {
  const authorization = headers.authorization ?? "";
  if (!authorization.startsWith(`${ALGORITHM} `))
    throw new AwsError("MissingAuthenticationToken", "The request must be signed. `rates env` has credentials.", 403);
  const fields = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(",")
      .map((field): [string, string] => {
        const at = field.indexOf("=");
        return [field.slice(0, at).trim(), field.slice(at + 1).trim()];
      }),
  );
  return {
    credential: parseCredential(fields.get("Credential") ?? ""),
    headers: (fields.get("SignedHeaders") ?? "").split(";"),
    signature: fields.get("Signature") ?? "",
    time: header(headers, "x-amz-date") ?? "",
  };
}

function fromQuery(query: [string, string][]): Signed {
  const value = (name: string) => {
    const values = query.filter(([other]) => other === name);
    if (values.length !== 1 || values[0] === undefined)
      throw new AwsError("AuthorizationQueryParametersError", `${name} must be given exactly once.`, 400);
    return values[0][1];
  };
  if (value("X-Amz-Algorithm") !== ALGORITHM)
    throw new AwsError("AuthorizationQueryParametersError", `X-Amz-Algorithm must be ${ALGORITHM}.`, 400);
  return {
    credential: parseCredential(value("X-Amz-Credential")),
    headers: value("X-Amz-SignedHeaders").split(";"),
    signature: value("X-Amz-Signature"),
    time: value("X-Amz-Date"),
    expires: value("X-Amz-Expires"),
  };
}

function parseCredential(text: string): Credential {
  const [accessKeyId, date, region, service, end, ...more] = text.split("/");
  if (!accessKeyId || !date || !region || !service || end !== "aws4_request" || more.length > 0)
    throw new AwsError("IncompleteSignature", "Credential must be KEY/DATE/REGION/SERVICE/aws4_request.", 400);
  return { accessKeyId, scope: [date, region, service, end].join("/"), date, region, service };
}

function checkTime(time: string, expires: string | undefined, now: number): void {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(signedAt))
    throw new AwsError("AccessDenied", "X-Amz-Date must be the time of the signature (YYYYMMDDTHHMMSSZ).", 403);
  if (expires === undefined) {
    if (Math.abs(now - signedAt) > MAX_SKEW_MS)
      throw new AwsError("RequestTimeTooSkewed", "The signature's time is more than 15 minutes from now.", 403);
    return;
  }
  const seconds = /^\d{1,6}$/.test(expires) ? Number(expires) : Number.NaN;
  if (!(seconds <= MAX_PRESIGNED_SECONDS))
    throw new AwsError("AuthorizationQueryParametersError", "X-Amz-Expires must be at most 604800 seconds.", 400);
  if (signedAt > now + MAX_SKEW_MS) throw new AwsError("AccessDenied", "The link is not valid yet.", 403);
  if (now > signedAt + seconds * 1000) throw new AwsError("AccessDenied", "The link has expired.", 403);
}

/** Requires that the host and every x-amz- header are signed. */
function checkHeaders(headers: IncomingHttpHeaders, signed: string[]): void {
  const unsigned = ["host", ...Object.keys(headers).filter((name) => name.startsWith("x-amz-"))].find(
    (name) => !signed.includes(name),
  );
  if (unsigned !== undefined)
    throw new AwsError(
      "AccessDenied",
      `There were headers present in the request which were not signed: ${unsigned}`,
      403,
    );
}

/**
 * Returns the paths that a client may have signed. Signatures for S3 contain the path as sent; those for other services
 * encode it again. Some clients send a less encoded path than they sign.
 */
function canonicalPaths(path: string, service: string): string[] {
  const normalized = path.split("/").map((segment) => encode(decode(segment)));
  return service === "s3"
    ? [path, normalized.join("/")]
    : [path.split("/").map(encode).join("/"), normalized.map(encode).join("/")];
}

const canonicalQuery = (query: [string, string][]): string =>
  query
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");

/** Keys of recent credentials by secret and scope. All requests of a client on one day share a key. */
const signingKeys = new Map<string, KeyObject>();
const MAX_SIGNING_KEYS = 100;

function signingKey(secret: string, { date, region, service, scope }: Credential): KeyObject {
  const cacheKey = `${secret}/${scope}`;
  const cached = signingKeys.get(cacheKey);
  if (cached !== undefined) return cached;
  const parts = [date, region, service, "aws4_request"];
  const key = parts.reduce<Buffer>(
    (part, text) => createHmac("sha256", part).update(text).digest(),
    Buffer.from(`AWS4${secret}`),
  );
  const [oldest] = signingKeys.keys();
  if (signingKeys.size >= MAX_SIGNING_KEYS && oldest !== undefined) signingKeys.delete(oldest);
  const secretKey = createSecretKey(key);
  signingKeys.set(cacheKey, secretKey);
  return secretKey;
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}

const collapse = (value: string) => value.trim().replace(/[ \t]+/g, " ");
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError("InvalidURI", "The URL must be percent-encoded UTF-8.", 400);
  }
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
