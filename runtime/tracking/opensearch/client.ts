import { type ApiResponse, Client, type ClientOptions, errors } from "@opensearch-project/opensearch";
import { AwsSigv4Signer } from "@opensearch-project/opensearch/aws-v3";
import { JobError } from "../../contract/errors.ts";
import type { TrackingSettings } from "../../platform/settings.ts";

/** One call of OpenSearch's HTTP API. */
export interface Call {
  method: "GET" | "PUT" | "POST" | "DELETE" | "HEAD";
  path: string;
  query?: Record<string, string | number | boolean>;
  body?: object;
  /** In place of a body: lines of JSON, each with its end. */
  lines?: string;
  /** The whole call, to the last byte of its answer, in milliseconds. */
  patience: number;
}

/** Response: a status below 400, or one that the caller expects. */
export interface Answer<Body> {
  status: number;
  body: Body;
}

/** Sends calls. Failures of OpenSearch become JobError TrackingUnavailable. */
export type Send = <Body>(call: Call, expected?: readonly number[]) => Promise<Answer<Body>>;

/**
 * A client of one OpenSearch: signed for AWS if a region is configured, with the AWS SDK's credentials. Without
 * retries: users see an error at once, and the projection has its own back-off.
 */
export function connectTo({ endpoint, region }: Pick<TrackingSettings, "endpoint" | "region">): Send {
  const options: ClientOptions = { node: endpoint, maxRetries: 0, resurrectStrategy: "none" };
  const { transport } = new Client(region ? { ...options, ...AwsSigv4Signer({ region, service: "es" }) } : options);
  return async ({ method, path, query, body, lines, patience }, expected = []) => {
    const sent = transport.request(
      {
        method,
        path,
        ...(query ? { querystring: query } : {}),
        ...(lines ? { bulkBody: lines } : { body: body ?? "" }),
      },
      { requestTimeout: patience, ignore: [...expected] },
    );
    // The client's own time-out is for silence only: an answer that comes byte by byte would never reach it.
    let late = false;
    const patienceEnds = setTimeout(() => {
      late = true;
      sent.abort();
    }, patience);
    try {
      const { statusCode, body: answered }: ApiResponse = await sent;
      // A proxy before it may send its own errors with status 200.
      if (typeof answered === "string") throw new Error(`the response is not JSON: ${answered.slice(0, 100)}`);
      return { status: statusCode ?? 0, body: answered };
    } catch (error) {
      throw unavailable(error, late ? `it did not answer within ${patience / 1000} s.` : undefined);
    } finally {
      clearTimeout(patienceEnds);
    }
  };
}

/** Reason of a refused call by its status; any other from 500 on is an internal error of OpenSearch. */
const STATUS: Record<number, string> = {
  401: "it refuses this platform's credentials (401).",
  403: "it refuses this platform's credentials (403).",
  429: "it is overloaded (429).",
  503: "it is not ready (503).",
};

/**
 * The error without what the client adds to it: there are headers with a signature among that.
 * @param known the reason, where the caller knows it
 */
function unavailable(error: unknown, known: string | undefined): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const cause = new Error(`${name}: ${message}`);
  const reason = known ?? reasonOf(error);
  return reason === undefined ? cause : new JobError("TrackingUnavailable", { reason }, { cause });
}

/** Reason of a missing response; undefined for an invalid call of the platform. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof errors.ResponseError) {
    const status = error.statusCode ?? 0;
    return STATUS[status] ?? (status >= 500 ? `it fails (${status}).` : undefined);
  }
  if (error instanceof errors.TimeoutError) return "it did not answer in time.";
  if (error instanceof errors.ConnectionError) return "it cannot be reached.";
  if (error instanceof Error && error.name === "CredentialsProviderError")
    return "there are no AWS credentials for it.";
  return "the server is not OpenSearch.";
}
