import { lookup as resolve } from "node:dns";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { JobError } from "../../contract/errors.ts";
import { redactUrl } from "../../contract/redact.ts";
import { isPublicAddress } from "./address.ts";
import { PATIENCE_MS, receiveStream, unreachable } from "./stream.ts";

/** Rules of a download. The predicates are parameters, so that a test can admit its own server. */
export interface DownloadRules {
  /** Hosts that may be named; one with another port than 443 says so, as in a URL. */
  hosts: readonly string[];
  /** The most bytes of a body, as they come. */
  maxBytes: number;
  isAllowedAddress?: (address: string) => boolean;
  /** Certificates to trust beside the system's. */
  ca?: string;
  /** Name resolution. */
  lookup?: typeof resolve;
  /**
   * Milliseconds to wait for the server.
   *
   * @default PATIENCE_MS
   */
  patience?: number;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Downloads over https from hosts on the list, from public addresses only. The check runs where the name becomes the
 * address of the connection, so that no second DNS response can intervene; again for every redirect; and again on the
 * connected socket.
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
    if (status === 200) return body(response, url, rules, signal);
    response.destroy();
    const { location } = response.headers;
    if (REDIRECTS.has(status) && location) {
      if (!URL.canParse(location, url.href)) throw notAllowed(url, "it redirects to an invalid URL.");
      url = new URL(location, url);
      continue;
    }
    const source = redactUrl(url.href);
    if (status === 404 || status === 410)
      throw new JobError("SourceNotFound", { source, reason: `the server answered ${status}.` });
    if (status >= 500 || status === 429)
      throw new JobError("SourceUnreachable", { source, reason: `the server answered ${status}.` });
    throw notAllowed(url, `the server answered ${status}.`);
  }
  throw notAllowed(url, `it redirects more than ${MAX_REDIRECTS} times.`);
}

function get(url: URL, rules: DownloadRules, signal: AbortSignal): Promise<IncomingMessage> {
  const { hosts, isAllowedAddress = isPublicAddress, ca, lookup = resolve, patience = PATIENCE_MS } = rules;
  if (url.protocol !== "https:") throw notAllowed(url, "only https is.");
  if (url.username || url.password) throw notAllowed(url, "it holds a user name or password.");
  if (!hosts.includes(url.host)) throw notAllowed(url, `'${url.host}' is not on this stack's list of hosts.`);
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) && !isAllowedAddress(literal)) throw notAllowed(url, "its address is not a public one.");

  const guarded: LookupFunction = (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const bad = addresses.find((one) => !isAllowedAddress(one.address));
      const [first] = addresses;
      if (bad || !first) return callback(notAllowed(url, "its name leads to an address that is not public."), "", 0);
      if (options.all) (callback as unknown as (error: null, all: typeof addresses) => void)(null, addresses);
      else callback(null, first.address, first.family);
    });
  const { promise, resolve: answered, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = request(url, {
    method: "GET",
    headers: {
      accept: "text/csv, application/x-ndjson, */*;q=0.1",
      "accept-encoding": "identity",
      "user-agent": "rates-platform",
    },
    lookup: guarded,
    // A new connection: none that passed another check.
    agent: new Agent({ keepAlive: false, ...(ca ? { ca } : {}) }),
    signal,
  });
  // One time for name, connection and head together: a head that comes byte by byte gains nothing.
  const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${patience / 1000} s`)), patience);
  sent.once("close", () => {
    clearTimeout(timer);
    // Only this event reports a response that changes the protocol (101); the response event would come too late.
    reject(unreachable(redactUrl(url.href), new Error("the server hung up without an answer")));
  });
  sent.on("error", (error) => reject(unreachable(redactUrl(url.href), error)));
  sent.once("response", (response) => {
    clearTimeout(timer);
    if (isAllowedAddress(response.socket.remoteAddress ?? "")) return answered(response);
    response.destroy();
    reject(notAllowed(url, "the address that answered is not a public one."));
  });
  sent.end();
  return promise;
}

function body(
  response: IncomingMessage,
  url: URL,
  { maxBytes, patience }: DownloadRules,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const source = redactUrl(url.href);
  const { "content-encoding": encoding = "identity", "content-length": length } = response.headers;
  const refusal =
    encoding !== "identity"
      ? notAllowed(url, `it comes with content-encoding ${encoding}, though identity was asked for.`)
      : length === undefined && !response.headers["transfer-encoding"]
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
    ...(patience === undefined ? {} : { patience }),
  });
}

const notAllowed = (url: URL, reason: string) =>
  new JobError("SourceNotAllowed", { source: redactUrl(url.href), reason });
