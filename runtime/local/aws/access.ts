import type { IncomingHttpHeaders } from "node:http";
import { AwsError } from "./errors.ts";

/** Accepted host names. Another name may be the domain of a web page that resolves to 127.0.0.1 (DNS rebinding). */
const HOSTS = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Refuses requests that web pages can make a browser send: requests with an Origin, from another site, to another host
 * name, or with a multipart form. Following a link to a presigned URL is allowed.
 *
 * @throws AwsError for such a request
 */
export function refuseBrowsers(method: string, url: string, headers: IncomingHttpHeaders): void {
  const host = /^([^:@/\\]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/i.exec(headers.host ?? "")?.[1]?.toLowerCase();
  if (host === undefined || !HOSTS.has(host))
    throw new AwsError("AccessDenied", "The Host header must name 127.0.0.1 or localhost.", 403);
  if (headers.origin !== undefined)
    throw new AwsError("AccessDenied", "Requests from web pages (with an Origin header) are refused.", 403);
  const isFollowedLink =
    method === "GET" && headers["sec-fetch-mode"] === "navigate" && /[?&]X-Amz-Signature=/.test(url);
  if (headers["sec-fetch-site"] === "cross-site" && !isFollowedLink)
    throw new AwsError("AccessDenied", "Requests from other web sites (Sec-Fetch-Site: cross-site) are refused.", 403);
  if (/^\s*multipart\//i.test(headers["content-type"] ?? ""))
    throw new AwsError("AccessDenied", "Uploads by HTML forms are refused. Use PutObject.", 403);
}
