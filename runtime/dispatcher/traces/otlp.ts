import type { TracesSettings } from "../../platform/settings.ts";
import type { Headers } from "./headers.ts";
import { attributes, type Span } from "./spans.ts";

/** Path of traces below a collector's endpoint (OTLP specification, OTLP/HTTP). */
const PATH = "/v1/traces";
/** Timeout of a call to a collector, including the response body. Milliseconds. */
const TIMEOUT_MS = 5_000;
/** Maximum number of bytes read from a response. */
const MAX_RESPONSE_BYTES = 16_384;
/** Statuses with which a collector refuses the spans themselves: it would refuse the same request again. */
const REFUSAL_STATUSES: ReadonlySet<number> = new Set([400, 413, 422]);

/** Outcome of an export: `refused` spans must not be sent again. */
export type Export = { outcome: "accepted"; rejectedSpans: number } | { outcome: "refused"; reason: string };

/** Resource of all spans. */
export interface Resource {
  version: string;
  environment: string | undefined;
}

/**
 * Sends spans to a collector: OTLP over HTTP in its JSON encoding.
 * @throws if the collector cannot be reached, is too slow, or returns another error status; sending again may help
 */
export async function sendSpans(
  { endpoint, headers = {} }: Pick<TracesSettings, "endpoint"> & { headers?: Headers },
  { version, environment }: Resource,
  spans: readonly Span[],
  timeoutMs = TIMEOUT_MS,
): Promise<Export> {
  const resource = attributes({
    "service.name": "rates-platform",
    "service.version": version,
    "deployment.environment.name": environment,
  });
  const response = await fetch(`${endpoint.replace(/\/$/, "")}${PATH}`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({
      resourceSpans: [
        { resource: { attributes: resource }, scopeSpans: [{ scope: { name: "rates-platform", version }, spans }] },
      ],
    }),
    // A redirect would lead to an address that is not configured.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await beginningOf(response);
  if (response.ok) return { outcome: "accepted", rejectedSpans: rejectedSpans(text) };
  const reason = `it returned ${response.status}`;
  if (REFUSAL_STATUSES.has(response.status)) return { outcome: "refused", reason };
  throw new Error(reason);
}

async function beginningOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}

/** Number of spans that the collector did not take although it returned 200 (partial success). */
function rejectedSpans(text: string): number {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: string | number } };
    return Number(partialSuccess?.rejectedSpans ?? 0);
  } catch {
    return 0;
  }
}
