import assert from "node:assert/strict";
import pg from "pg";
import type { ErrorCode } from "../contract/errors.ts";
import type { Scope } from "../store/tokens.ts";
import { type DescribedOperation, Description } from "../testing/api/description.ts";
import { populatedApi } from "../testing/api/populatedApi.ts";
import { type Fixtures, OWN_PAGE, type SentRequest, VALID_REQUESTS } from "../testing/api/validRequests.ts";

/** A request with its caller (an admin of acme by default), and the expected status or error code. */
interface Case {
  url: string;
  payload?: object | string;
  headers?: Record<string, string>;
  as?: readonly Scope[];
  expected: number | ErrorCode;
  /** Documented headers that this response lacks. */
  without?: readonly string[];
}

const task = { type: "read", sql: "select 1 as n", format: "json" };

/** Cases of operations, in addition to the generated ones. */
const CASES: Record<string, readonly Case[]> = {
  getRates: [
    { url: VALID_REQUESTS.getRates?.({} as Fixtures).url ?? "", headers: { "if-none-match": "*" }, expected: 304 },
  ],
  submitJob: [
    { url: "/jobs", payload: { requestId: "waiting", task }, expected: "RequestIdConflict" },
    { url: "/jobs", payload: { requestId: "new", task }, expected: 202 },
    { url: "/jobs", payload: { requestId: "new", task }, expected: 200 },
    {
      url: "/jobs",
      payload: { task: { type: "update", target: "prices", source: { s3: "s3://results/large.csv" } } },
      as: ["submit", "update"],
      expected: "SourceNotAllowed",
    },
    {
      url: "/jobs",
      payload: { task: { type: "update", target: "prices", source: { s3: "s3://results/large.csv" } } },
      as: ["submit"],
      expected: "Forbidden",
    },
    {
      url: "/jobs",
      payload: { task: { type: "update", target: "prices", source: { s3: "s3://uploads/none" } } },
      expected: "SourceNotFound",
    },
    { url: "/jobs", payload: { task: { ...task, sql: "select pg_sleep(1)" } }, expected: "InvalidSql" },
    { url: "/jobs", payload: { task: { ...task, sql: "select 1; select 2" } }, expected: "NotOneStatement" },
  ],
  getJob: ["waiting", "running", "ended", "large", "failed", "cancelled"].map((id) => ({
    url: `/jobs/${id}`,
    expected: 200,
  })),
  searchJobs: [
    { url: "/jobs", expected: 200 },
    { url: "/jobs?limit=1", expected: 200 },
    { url: "/jobs?cursor=abc", expected: "InvalidRequest" },
  ],
  createSessionLink: [
    { url: "/session-links", as: [], headers: { cookie: "rates_session_platform=x" }, expected: "Forbidden" },
  ],
  signIn: [
    { url: "/session", payload: { token: "x" }, expected: "Forbidden" },
    { url: "/session", payload: { token: "x" }, headers: OWN_PAGE, expected: "InvalidSignIn" },
    { url: "/session", payload: { code: "x" }, headers: OWN_PAGE, expected: "InvalidSignIn" },
  ],
  signOut: [{ url: "/session", as: [], headers: { cookie: "rates_session_platform=x" }, expected: "Forbidden" }],
  getRejected: [{ url: `/rejected/${"0".repeat(32)}`, expected: "UnknownRejected" }],
  cancelJobs: [
    { url: "/bulk/cancel", payload: { ids: ["waiting"] }, expected: 200 },
    { url: "/bulk/cancel", payload: { ids: ["unknown"] }, expected: "UnknownJob" },
    { url: "/bulk/cancel", payload: { filter: {}, ids: ["waiting"] }, expected: "InvalidRequest" },
    { url: "/bulk/cancel", payload: { filter: { status: "FAILED" } }, expected: "InvalidRequest" },
    { url: "/bulk/cancel", payload: { filter: {}, cursor: "abc" }, expected: "InvalidRequest" },
  ],
  retryJobs: [
    { url: "/bulk/retry", payload: { ids: ["failed", "ended"] }, expected: 200 },
    { url: "/bulk/retry", payload: { ids: ["unknown"] }, expected: "UnknownJob" },
  ],
  cancelJob: [{ url: "/jobs/running/cancel", expected: 202 }],
  retryJob: [
    { url: "/jobs/failed/retry", expected: 202 },
    { url: "/jobs/ended/retry", expected: "NotRetryable" },
  ],
  explainJob: [
    { url: "/explain", payload: { task: { ...task, sql: "selec" } }, expected: "InvalidSql" },
    { url: "/explain", payload: { task: { ...task, sql: "select 1; select 2" } }, expected: "NotOneStatement" },
  ],
  getPreview: [
    { url: "/jobs/large/preview", expected: 200 },
    { url: "/jobs/waiting/preview", expected: "NotFinished" },
    { url: "/jobs/failed/preview", expected: "NoResult" },
    { url: "/jobs/gone/preview", expected: "ResultGone" },
  ],
  getWaiting: [{ url: "/jobs/waiting/waiting", expected: 200 }],
  getTimeline: ["waiting", "running", "failed"].map((id) => ({ url: `/jobs/${id}/timeline`, expected: 200 })),
  getResult: [
    { url: "/jobs/large/result", expected: 302 },
    { url: "/jobs/large/result?delivery=link", expected: 200, without: ["ETag", "Accept-Ranges"] },
    { url: "/jobs/large/result?delivery=stream", expected: 200 },
    { url: "/jobs/large/result?delivery=stream", headers: { range: "bytes=0-1" }, expected: 206 },
    { url: "/jobs/large/result?delivery=stream", headers: { range: "bytes=99-" }, expected: "RangeNotSatisfiable" },
    { url: "/jobs/large/result", headers: { accept: "image/png" }, expected: "NotAcceptable" },
    { url: "/jobs/large/result", headers: { "if-none-match": "*" }, expected: 304 },
    { url: "/jobs/waiting/result", expected: "NotFinished" },
    { url: "/jobs/failed/result", expected: "NoResult" },
    { url: "/jobs/gone/result?delivery=stream", expected: "ResultGone" },
  ],
  getReport: [
    { url: "/jobs/refused/report", expected: 302 },
    { url: "/jobs/refused/report?delivery=link", expected: 200, without: ["ETag", "Accept-Ranges"] },
    { url: "/jobs/refused/report?delivery=stream", headers: { range: "bytes=0-1" }, expected: 206 },
    { url: "/jobs/refused/report?delivery=stream", headers: { range: "bytes=99-" }, expected: "RangeNotSatisfiable" },
    { url: "/jobs/failed/report", headers: { accept: "image/png" }, expected: "NotAcceptable" },
    { url: "/jobs/failed/report", headers: { "if-none-match": "*" }, expected: 304 },
    { url: "/jobs/waiting/report", expected: "NotFinished" },
    { url: "/jobs/ended/report", expected: "NoReport" },
    { url: "/jobs/cancelled/report", expected: "NoReport" },
    { url: "/jobs/refused-gone/report?delivery=stream", expected: "ResultGone" },
  ],
  getResponse: [
    { url: "/jobs/large/response", expected: 200 },
    { url: "/jobs/failed/response", expected: 200 },
    { url: "/jobs/cancelled/response", expected: 200 },
    { url: "/jobs/waiting/response", expected: "NotFinished" },
  ],
  watchJob: [{ url: "/jobs/failed/events", expected: 200 }],
  beginUpload: [{ url: "/uploads", payload: { fileName: "a.csv", bytes: 2_000 }, expected: "SourceTooLarge" }],
};

/** Documented responses that are not tested here, with the test that covers them, or the reason. */
const TESTED_ELSEWHERE: Record<string, string> = {
  Internal: "cannot be caused",
  TooManyRequests: "the test of the rate limit below",
  TooManyStreams: "connections.test.ts",
  TooManyWaiting: "scopes.test.ts",
  DatabaseUnavailable: "the test without a database below",
  Busy: "runtime/queries/sql/parser.test.ts",
  StorageUnavailable: "storage.test.ts",
  TrackingUnavailable: "tracking.test.ts",
  "beginUpload 200": "routes/uploads.test.ts",
  "retryJob SourceNotFound": "as submitJob",
  "retryJob SourceNotAllowed": "as submitJob",
  "retryJob InvalidSql": "needs a job whose SQL a later version refuses",
  "retryJob NotOneStatement": "needs a job whose SQL a later version refuses",
  "retryJob 200": "retries.test.ts",
  "retryJob RequestIdConflict": "needs another job with the id of the retry",
};

type Api = Awaited<ReturnType<typeof populatedApi>>;
const SETTINGS = {
  api: { openRates: true, limits: { tokenPerMinute: 0, addressPerMinute: 0 } },
  jobs: { sourceBytes: 1_000 },
};
const codeOf = ({ statusCode, body }: { statusCode: number; body: string }): string | number =>
  statusCode < 400 ? statusCode : JSON.parse(body).type;

describe("every operation of the API", function () {
  this.slow(2_000);
  let operations: readonly DescribedOperation[];
  let description: Description;
  before(async () => {
    const p = await populatedApi(SETTINGS);
    description = await Description.of(p.app);
    ({ operations } = description);
    await p.close();
  });

  /** Returns the successful request of an operation, for the jobs of this API. */
  const validRequestOf = ({ id, path }: DescribedOperation, { known }: Api): SentRequest => {
    const make = VALID_REQUESTS[id];
    assert(make, `testing/api/validRequests.ts needs a request for ${id}`);
    const validRequest = make(known);
    assert.match(validRequest.url, new RegExp(`^${path.replace(/\{\w+\}/g, "[^/?]+")}(\\?|$)`));
    return validRequest;
  };
  /** Read-only operations share an API. Each other operation has its own, since some end jobs that others need. */
  const groups = () => [
    operations.filter(({ method }) => method === "GET"),
    ...operations.filter(({ method }) => method !== "GET").map((operation) => [operation]),
  ];

  it("returns every response it documents, and documents every response it returns", async function () {
    this.timeout(120_000);
    const missing: string[] = [];
    const tryAll = async (p: Api, operation: DescribedOperation) => {
      const validRequest = validRequestOf(operation, p);
      const { id, method, responses } = operation;
      const seen = new Set<string | number>();
      const send = async ({ url, payload, headers = {}, as = ["admin"], without }: Omit<Case, "expected">) => {
        const credentials = as.length > 0 ? await p.as("acme", ...as) : {};
        const body = payload === undefined ? {} : { payload };
        const response = await p.app.inject({ method, url, headers: { ...credentials, ...headers }, ...body });
        description.check(operation, response, without);
        seen.add(codeOf(response));
        return response;
      };
      for (const { expected, ...request } of [
        ...commonErrorCases(operation, validRequest),
        ...(await existingDataCases(p, operation, validRequest)),
        ...(CASES[id] ?? []),
      ]) {
        const response = await send(request);
        assert.equal(codeOf(response), expected, `${id} ${request.url}: ${response.body.slice(0, 300)}`);
      }
      const response = await send(validRequest);
      assert(response.statusCode < 300, `${id}: ${response.body}`);
      if (method === "GET") {
        const head = await p.app.inject({
          method: "HEAD",
          url: validRequest.url,
          headers: await p.as("acme", "admin"),
        });
        assert.deepEqual(
          [head.statusCode, head.headers["content-type"], head.body],
          [response.statusCode, response.headers["content-type"], ""],
          `HEAD ${validRequest.url}`,
        );
      }
      if (id === "createToken") assert.equal(response.headers["cache-control"], "no-store");
      const successes = Object.keys(responses).filter((status) => status < "400");
      for (const code of [...successes.map(Number), ...Description.codesOf(operation)])
        if (!seen.has(code) && !(code in TESTED_ELSEWHERE) && !(`${id} ${code}` in TESTED_ELSEWHERE))
          missing.push(`${id} ${code}`);
    };
    for (const group of groups()) {
      const p = await populatedApi(SETTINGS);
      try {
        for (const operation of group) await tryAll(p, operation);
      } finally {
        await p.close();
      }
    }
    assert.deepEqual(missing, [], "documented responses without a test");
  });

  it("returns Retry-After if the rate limit is exceeded", async function () {
    this.timeout(60_000);
    const max = 20;
    const limits = { tokenPerMinute: max, addressPerMinute: max, ratesPerMinute: max };
    const p = await populatedApi({ api: { openRates: true, limits } });
    try {
      for (const operation of operations) {
        if (!Description.codesOf(operation).includes("TooManyRequests")) continue;
        const { url } = validRequestOf(operation, p);
        const headers = operation.requiresToken ? await p.as("acme", "admin") : {};
        const send = () => p.app.inject({ method: operation.method, url, headers });
        await Promise.all(Array.from({ length: max }, send));
        const response = await send();
        description.check(operation, response);
        assert.equal(codeOf(response), "TooManyRequests", operation.id);
      }
    } finally {
      await p.close();
    }
  });

  it("reports retryable errors while the database is unreachable", async () => {
    const p = await populatedApi({ api: { ...SETTINGS.api, openRates: false } });
    try {
      const headers = await p.as("acme", "admin");
      const requests = operations.map((operation) => ({ operation, ...validRequestOf(operation, p) }));
      // No server listens on port 1, so the driver reports its own error.
      const unreachable = new pg.Pool({ host: "127.0.0.1", port: 1 });
      p.pool.query = unreachable.query.bind(unreachable) as never;
      p.pool.connect = unreachable.connect.bind(unreachable) as never;
      for (const { operation, url, payload, headers: more = {} } of requests) {
        const response = await p.app.inject({
          method: operation.method,
          url,
          headers: { ...headers, ...more },
          ...(payload ? { payload } : {}),
        });
        description.check(operation, response);
        assert.equal(
          codeOf(response),
          ["isAlive", "getLogin"].includes(operation.id) ? 200 : "DatabaseUnavailable",
          operation.id,
        );
        assert.doesNotMatch(response.body, /127\.0\.0\.1|ECONN/);
      }
      await unreachable.end();
    } finally {
      await p.close();
    }
  });
});

/** Returns the error cases that follow from an operation's description. */
function commonErrorCases(
  { path, requiresToken, hasBody, hasParameters, method }: DescribedOperation,
  validRequest: SentRequest,
): Case[] {
  const { url } = validRequest;
  const json = { "content-type": "application/json" };
  const insufficientScopes: Scope[] = /^.(tokens|redrive|metrics|dead-letters)/.test(path)
    ? ["read", "submit", "update", "cancel"]
    : method === "GET" && !path.startsWith("/uploads")
      ? ["submit", "cancel"]
      : ["read"];
  const all: (Case | false)[] = [
    requiresToken && { ...validRequest, as: [], expected: "Unauthorized" },
    // Every caller may use its own session.
    requiresToken && !path.startsWith("/session") && { ...validRequest, as: insufficientScopes, expected: "Forbidden" },
    hasBody && { url, payload: "{", headers: json, expected: "UnreadableMessage" },
    hasBody && { url, payload: `"${"x".repeat(1_100_000)}"`, headers: json, expected: "TooLarge" },
    hasBody && { url, payload: "<x/>", headers: { "content-type": "text/xml" }, expected: "UnsupportedMediaType" },
    hasBody && { url, payload: { none: 1 }, expected: "InvalidRequest" },
    hasParameters && {
      ...validRequest,
      url: path.includes("{id}") ? path.replace("{id}", "!") : `${path}?none=1`,
      expected: "InvalidRequest",
    },
    path.startsWith("/jobs/{id}") && { url: path.replace("{id}", "none"), expected: "UnknownJob" },
    path === "/tokens/{id}" && { url: "/tokens/none", expected: "UnknownToken" },
  ];
  return all.filter((each) => each !== false);
}

/** Returns the cases that are built from data of this API: unknown uploads, and a caller's own token. */
async function existingDataCases(p: Api, { path }: DescribedOperation, validRequest: SentRequest): Promise<Case[]> {
  if (path === "/tokens/{id}") {
    const headers = await p.as("acme", "admin");
    const { rows } = await p.admin.query("select id from jobs.tokens order by created_at desc limit 1");
    return [{ url: `/tokens/${rows[0].id}`, headers, expected: "TokenInUse" }];
  }
  if (!path.startsWith("/uploads/{id}")) return [];
  const [key = ""] = Buffer.from(p.known.upload, "base64url").toString().split("\n");
  const unknownUpload = Buffer.from(`${key}\nnever-begun`).toString("base64url");
  return [
    { ...validRequest, url: path.replace("{id}", "none"), expected: "NotFound" },
    // Links are signed without contacting S3, which later refuses the parts.
    {
      ...validRequest,
      url: path.replace("{id}", unknownUpload),
      expected: path.endsWith("/parts") ? 200 : "SourceNotFound",
    },
  ];
}
