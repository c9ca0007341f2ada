import { isUtf8 } from "node:buffer";
import { lookup as resolve } from "node:dns";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { JobError } from "../../contract/errors.ts";
import { redactUrl } from "../../contract/redact.ts";
import { isPublicAddress } from "./address.ts";
import { receiveStream, STALL_TIMEOUT_MS, unreachable } from "./stream.ts";

/** Rules of a download. Tests admit their own servers with `isAllowedAddress`, `ca` and `lookup`. */
export interface DownloadRules {
  /** Allowed hosts, with their port if it is not 443, as in a URL. */
  hosts: readonly string[];
  /** Maximum number of bytes of a body, before decompression. */
  maxBytes: number;
  isAllowedAddress?: (address: string) => boolean;
  /** Certificates to trust instead of the default ones. */
  ca?: string;
  /** Name resolution. */
  lookup?: typeof resolve;
  /**
   * Milliseconds to wait for the server.
   *
   * @default STALL_TIMEOUT_MS
   */
  stallTimeoutMs?: number;
  /**
   * Compression that the reader of the body unpacks. A body with this content coding is passed on unchanged.
   *
   * @default "none"
   */
  compression?: "none" | "gzip";
}

const MAX_REDIRECTS = 5;
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);
const MISSING_STATUSES = new Set([404, 410]);
/**
 * Statuses below 500 after which a later request may succeed (RFC 9110, sections 15.5.9 and 15.5.20; RFC 6585; RFC
 * 8470).
 */
const TRANSIENT_STATUSES = new Set([408, 421, 425, 429]);
/** Probable causes of statuses that links to files return. */
const CAUSES: Readonly<Record<number, string>> = {
  202: "the file is not ready yet. Send a new request once it is",
  204: "there is no content",
  206: "that is a part of the file",
  401: "the file needs a login, which a url source cannot give. Use a signed link",
  403: "the link may have expired, or may not be for this platform. Use a new link",
};
/**
 * Values of Content-Encoding that change no byte. Servers and uploads send them although not all are content codings.
 */
const IDENTITY_ENCODINGS = new Set(["", "identity", "none", "utf-8", "utf8", "aws-chunked"]);
const GZIP = new Set(["gzip", "x-gzip"]);

/**
 * Downloads over https from allowed hosts with public addresses. The address is checked where the connection's name is
 * resolved, so that no second DNS response can intervene. It is checked again for every redirect, and on the connected
 * socket.
 *
 * @throws JobError SourceNotAllowed, SourceNotFound, SourceTooLarge, SourceUnreachable
 */
export async function download(
  address: string,
  rules: DownloadRules,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  let url = new URL(address);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await get(url, rules, signal);
    const status = response.statusCode ?? 0;
    if (status === 200) return openBody(response, url, rules, signal);
    response.destroy();
    const { location } = response.headers;
    if (REDIRECT_STATUSES.has(status) && location) {
      const target = decodeHeader(location);
      if (!URL.canParse(target, url.href)) throw notAllowed(url, "it redirects to an invalid URL.");
      url = new URL(target, url);
      continue;
    }
    const cause = CAUSES[status];
    const parameters = {
      source: redactUrl(url.href),
      reason: `the server returned ${status}${cause === undefined ? "" : `: ${cause}`}.`,
    };
    if (MISSING_STATUSES.has(status)) throw new JobError("SourceNotFound", parameters);
    throw new JobError(
      status >= 500 || TRANSIENT_STATUSES.has(status) ? "SourceUnreachable" : "SourceNotAllowed",
      parameters,
    );
  }
  throw notAllowed(url, `it redirects more than ${MAX_REDIRECTS} times.`);
}

/** Decodes a header that Node read as Latin-1: many servers send UTF-8 in Location. */
function decodeHeader(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString() : value;
}

function get(url: URL, rules: DownloadRules, signal: AbortSignal): Promise<IncomingMessage> {
  const { hosts, isAllowedAddress = isPublicAddress, ca, lookup = resolve, stallTimeoutMs = STALL_TIMEOUT_MS } = rules;
  if (url.protocol !== "https:") throw notAllowed(url, "it is not an https URL.");
  if (url.username || url.password) throw notAllowed(url, "it contains a user name or password.");
  if (!hosts.includes(url.host)) throw notAllowed(url, `'${url.host}' is not on this stack's list of hosts.`);
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) && !isAllowedAddress(literal)) throw notAllowed(url, "its address is not a public one.");

  const checkedLookup: LookupFunction = (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const bad = addresses.find((address) => !isAllowedAddress(address.address));
      const [first] = addresses;
      if (bad || !first) return callback(notAllowed(url, "its name resolves to an address that is not public."), "", 0);
      if (options.all) (callback as unknown as (error: null, all: typeof addresses) => void)(null, addresses);
      else callback(null, first.address, first.family);
    });
  const { promise, resolve: resolveResponse, reject } = Promise.withResolvers<IncomingMessage>();
  const clientRequest = request(url, {
    method: "GET",
    headers: {
      accept: "text/csv, application/x-ndjson, */*;q=0.1",
      "accept-encoding": "identity",
      "user-agent": "rates-platform",
    },
    lookup: checkedLookup,
    // A new connection, never one that was checked for another request.
    agent: new Agent({ keepAlive: false, ...(ca ? { ca } : {}) }),
    signal,
  });
  // One limit for name resolution, connection and headers together, so that headers sent byte by byte gain no time.
  const timer = setTimeout(
    () => clientRequest.destroy(new Error(`no response within ${stallTimeoutMs / 1000} s`)),
    stallTimeoutMs,
  );
  clientRequest.once("close", () => {
    clearTimeout(timer);
    // A response that changes the protocol (101) causes only this event. After a `response` event, this has no effect.
    reject(unreachable(redactUrl(url.href), new Error("the server closed the connection without a response")));
  });
  clientRequest.on("error", (error) => reject(unreachable(redactUrl(url.href), error)));
  clientRequest.once("response", (response) => {
    clearTimeout(timer);
    if (isAllowedAddress(response.socket.remoteAddress ?? "")) return resolveResponse(response);
    response.destroy();
    reject(notAllowed(url, "the connected address is not a public one."));
  });
  clientRequest.end();
  return promise;
}

function openBody(
  response: IncomingMessage,
  url: URL,
  { maxBytes, stallTimeoutMs, compression = "none" }: DownloadRules,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const source = redactUrl(url.href);
  const { headers } = response;
  const { "content-length": length, "content-range": range } = headers;
  const problem = codingProblem(headers, compression);
  const refusal =
    problem !== undefined
      ? notAllowed(url, problem)
      : range !== undefined
        ? notAllowed(url, "the server sends a part of it (content-range), though the whole file was requested.")
        : length === undefined && !headers["transfer-encoding"]
          ? notAllowed(url, "the server does not say where the file ends, so a part of it would look like the whole.")
          : Number(length ?? 0) > maxBytes
            ? new JobError("SourceTooLarge", { source, limit: maxBytes })
            : undefined;
  if (refusal) {
    response.destroy();
    throw refusal;
  }
  return receiveStream(response, {
    source,
    maxBytes,
    signal,
    ...(length === undefined ? {} : { length: Number(length) }),
    ...(stallTimeoutMs === undefined ? {} : { stallTimeoutMs }),
  });
}

/**
 * Returns the reason why a body is not the bytes of the file, or undefined. A file stored with content coding gzip (as
 * in S3 or Google Cloud Storage) is sent with it whatever the request accepts; `compression: "gzip"` expects that.
 */
function codingProblem(
  { "content-encoding": coding = "", "transfer-encoding": transfer = "chunked" }: IncomingMessage["headers"],
  compression: "none" | "gzip",
): string | undefined {
  if (transfer.trim().toLowerCase() !== "chunked")
    return `it comes with transfer-encoding ${transfer}, though only chunked was accepted.`;
  const codings = coding
    .split(",")
    .map((value) => value.trim().toLowerCase())
    .filter((value) => !IDENTITY_ENCODINGS.has(value));
  const isGzip = codings.length === 1 && GZIP.has(codings[0] ?? "");
  if (codings.length === 0 || (isGzip && compression === "gzip")) return undefined;
  const remedy = isGzip ? "Load it with compression 'gzip', or store" : "Store";
  return `it comes with content-encoding ${coding}, although identity was requested. ${remedy} it without content-encoding.`;
}

const notAllowed = (url: URL, reason: string) =>
  new JobError("SourceNotAllowed", { source: redactUrl(url.href), reason });
