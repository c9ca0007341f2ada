import { type ApiResponse, Client, type ClientOptions, errors } from "@opensearch-project/opensearch";
import { AwsSigv4Signer } from "@opensearch-project/opensearch/aws-v3";
import { JobError } from "../../contract/errors.ts";
import type { TrackingSettings } from "../../platform/settings.ts";

/** One call of OpenSearch's HTTP API. */
export interface OpenSearchCall {
  method: "GET" | "PUT" | "POST" | "DELETE" | "HEAD";
  path: string;
  query?: Record<string, string | number | boolean>;
  body?: object;
  /** Lines of JSON, each with its line end, instead of a body. */
  lines?: string;
  /** Time limit in milliseconds of the whole call, including the last byte of its response. */
  timeoutMs: number;
}

/** Response: a status below 400, or one that the caller expects. */
export interface OpenSearchResponse<Body> {
  status: number;
  body: Body;
}

/** Sends calls. Failures of OpenSearch become JobError TrackingUnavailable. */
export type Send = <Body>(call: OpenSearchCall, expected?: readonly number[]) => Promise<OpenSearchResponse<Body>>;

/**
 * Creates a client of OpenSearch. Calls are signed for AWS if a region is configured, with the AWS SDK's
 * credentials. There are no retries: users see an error at once, and tracking has its own back-off.
 */
export function connectTo({ endpoint, region }: Pick<TrackingSettings, "endpoint" | "region">): Send {
  const options: ClientOptions = { node: endpoint, maxRetries: 0, resurrectStrategy: "none" };
  const { transport } = new Client(region ? { ...options, ...AwsSigv4Signer({ region, service: "es" }) } : options);
  return async ({ method, path, query, body, lines, timeoutMs }, expected = []) => {
    const sent = transport.request(
      {
        method,
        path,
        ...(query ? { querystring: query } : {}),
        ...(lines ? { bulkBody: lines } : { body: body ?? "" }),
      },
      { requestTimeout: timeoutMs, ignore: [...expected] },
    );
    // The client's own timeout covers only silence: a response that arrives byte by byte would never reach it.
    let isTimedOut = false;
    const timer = setTimeout(() => {
      isTimedOut = true;
      sent.abort();
    }, timeoutMs);
    try {
      const { statusCode, body: content }: ApiResponse = await sent;
      // A proxy in front of OpenSearch may send its own errors with status 200.
      if (typeof content === "string") throw new Error(`the response is not JSON: ${content.slice(0, 100)}`);
      return { status: statusCode ?? 0, body: content };
    } catch (error) {
      throw unavailable(error, isTimedOut ? `it did not respond within ${timeoutMs / 1000} s.` : undefined);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Reasons of refused calls by status. Other statuses of 500 and above are reported as numbers. */
const STATUS: Record<number, string> = {
  401: "it refuses this platform's credentials (401).",
  403: "it refuses this platform's credentials (403).",
  429: "it is overloaded (429).",
  503: "it is not ready (503).",
};

/**
 * Returns the error without the client's additions, which include headers with a signature.
 *
 * @param knownMessage - Reason, if the caller knows it.
 */
function unavailable(error: unknown, knownMessage: string | undefined): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const cause = new Error(`${name}: ${message}`);
  const reason = knownMessage ?? reasonOf(error);
  return reason === undefined ? cause : new JobError("TrackingUnavailable", { reason }, { cause });
}

/** Returns the reason of a failed call; undefined if OpenSearch refused an invalid call of the platform (4xx). */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof errors.ResponseError) {
    const status = error.statusCode ?? 0;
    return STATUS[status] ?? (status >= 500 ? `it returned status ${status}.` : undefined);
  }
  if (error instanceof errors.TimeoutError) return "it did not respond in time.";
  if (error instanceof errors.ConnectionError) return "it cannot be reached.";
  if (error instanceof Error && error.name === "CredentialsProviderError")
    return "there are no AWS credentials for it.";
  return "the server is not OpenSearch.";
}
