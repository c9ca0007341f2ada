import { reasonOf } from "../../contract/reason.ts";
import type { TracesSettings } from "../../platform/settings.ts";

/** HTTP headers of every export, by lower-case name. */
export type Headers = Readonly<Record<string, string>>;

/** OpenTelemetry's variable with headers for a collector (OpenTelemetry, Environment Variable Specification). */
export const HEADERS_VARIABLE = "OTEL_EXPORTER_OTLP_HEADERS";
/** Time after which the secret is read again, so that a rotated secret is used. Milliseconds. */
const FRESH_MS = 300_000;
/** Time until a secret is read again after a failed read, if an earlier value is used meanwhile. Milliseconds. */
const RETRY_MS = 30_000;
const MAX_HEADERS = 20;
/** Maximum length of a header's value. Characters. */
const MAX_VALUE_LENGTH = 4_096;
/** A header's name: a token (RFC 9110, 5.6.2). */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,100}$/;
/** Headers that cannot be configured, because the export or the HTTP connection controls them. */
const RESERVED_HEADERS = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "host",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "proxy-authorization",
  "proxy-connection",
]);

/**
 * Reads headers: `name=value` pairs separated by commas, values percent-encoded, or a JSON object as the Secrets
 * Manager console stores it.
 * @throws Error whose message contains no header value
 */
export function parseHeaders(text: string): Headers {
  const pairs = text.trimStart().startsWith("{") ? objectPairs(text) : listedPairs(text);
  if (pairs.length > MAX_HEADERS) throw new Error(`has ${pairs.length} headers; at most ${MAX_HEADERS} are sent.`);
  const headers: Record<string, string> = {};
  for (const [rawName, value] of pairs) {
    const name = rawName.toLowerCase();
    // The error does not repeat an invalid name, which may be part of a secret value.
    if (!HEADER_NAME.test(name)) throw new Error("has an entry with an invalid header name: write name=value.");
    if (RESERVED_HEADERS.has(name)) throw new Error(`names ${name}, which cannot be configured: leave it out.`);
    if (Object.hasOwn(headers, name)) throw new Error(`names ${name} twice.`);
    if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) || value.length > MAX_VALUE_LENGTH)
      throw new Error(`has a value of ${name} that is not 1 to ${MAX_VALUE_LENGTH} printable ASCII characters.`);
    headers[name] = value;
  }
  return headers;
}

function listedPairs(text: string): [string, string][] {
  return text
    .split(",")
    .filter((pair) => pair.trim() !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      if (equals < 0) throw new Error("has an entry without =: write name=value, separated by commas.");
      return [pair.slice(0, equals).trim(), decodeValue(pair.slice(equals + 1).trim())];
    });
}

function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Error("has a value with an invalid percent-encoding: write % as %25.");
  }
}

function objectPairs(text: string): [string, string][] {
  const problem = "begins with { but is not a JSON object of strings.";
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may be secret.
    throw new Error(problem);
  }
  return Object.entries(parsed as object).map(([name, value]) => {
    if (typeof value !== "string") throw new Error(problem);
    return [name, value];
  });
}

/**
 * Returns a function that reads the headers of exports: from the stack's secret, otherwise from the environment. While
 * the secret is unreadable or invalid, the function returns the last valid headers.
 * @param options.readSecret - Reads the text of a secret in Secrets Manager by its ARN.
 * @param options.onStale - Receives the reason when a read fails and the last valid headers are used instead.
 */
export function collectorHeaders(
  traces: Pick<TracesSettings, "headersSecret"> | undefined,
  {
    readSecret = secretText,
    now = () => performance.now(),
    env = process.env,
    onStale = () => undefined,
  }: {
    readSecret?: (arn: string) => Promise<string>;
    now?: () => number;
    env?: NodeJS.ProcessEnv;
    onStale?: (reason: string) => void;
  } = {},
): () => Promise<Headers> {
  const arn = traces?.headersSecret;
  if (arn === undefined) {
    const text = env[HEADERS_VARIABLE] ?? "";
    return async () => parseHeadersOf(HEADERS_VARIABLE, text);
  }
  let cached: { headers: Headers; until: number } | undefined;
  return async () => {
    if (cached !== undefined && now() < cached.until) return cached.headers;
    try {
      cached = {
        headers: parseHeadersOf("the secret of traces.headersSecret", await readSecret(arn)),
        until: now() + FRESH_MS,
      };
    } catch (error) {
      if (cached === undefined) throw error;
      onStale(reasonOf(error));
      cached = { headers: cached.headers, until: now() + RETRY_MS };
    }
    return cached.headers;
  };
}

function parseHeadersOf(source: string, text: string): Headers {
  try {
    return parseHeaders(text);
  } catch (error) {
    throw new Error(`${source} ${(error as Error).message}`);
  }
}

async function secretText(arn: string): Promise<string> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  const client = new SecretsManagerClient({});
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    return SecretString ?? "";
  } finally {
    client.destroy();
  }
}
