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
  answers: number | ErrorCode;
  /** Documented headers that this response of the operation lacks. */
  without?: readonly string[];
}

const task = { type: "read", sql: "select 1 as n", format: "json" };

/** Responses of operations, in addition to the generated cases. */
const MORE: Record<string, readonly Case[]> = {
  getRates: [
    { url: VALID_REQUESTS.getRates?.({} as Fixtures).url ?? "", headers: { "if-none-match": "*" }, answers: 304 },
  ],
  submitJob: [
    { url: "/jobs", payload: { requestId: "waiting", task }, answers: "RequestIdConflict" },
    { url: "/jobs", payload: { requestId: "new", task }, answers: 202 },
    { url: "/jobs", payload: { requestId: "new", task }, answers: 200 },
    {
      url: "/jobs",
      payload: { task: { type: "update", target: "prices", source: { s3: "s3://results/large.csv" } } },
      as: ["submit", "update"],
      answers: "SourceNotAllowed",
    },
    {
      url: "/jobs",
      payload: { task: { type: "update", target: "prices", source: { s3: "s3://results/large.csv" } } },
      as: ["submit"],
      answers: "Forbidden",
    },
    {
      url: "/jobs",
      payload: { task: { type: "update", target: "prices", source: { s3: "s3://uploads/none" } } },
      answers: "SourceNotFound",
    },
    { url: "/jobs", payload: { task: { ...task, sql: "select pg_sleep(1)" } }, answers: "InvalidSql" },
    { url: "/jobs", payload: { task: { ...task, sql: "select 1; select 2" } }, answers: "NotOneStatement" },
  ],
  getJob: ["waiting", "running", "ended", "large", "failed", "cancelled"].map((id) => ({
    url: `/jobs/${id}`,
    answers: 200,
  })),
  searchJobs: [
    { url: "/jobs", answers: 200 },
    { url: "/jobs?limit=1", answers: 200 },
    { url: "/jobs?cursor=abc", answers: "InvalidRequest" },
  ],
  createSessionLink: [
    { url: "/session-links", as: [], headers: { cookie: "rates_session_platform=x" }, answers: "Forbidden" },
  ],
  signIn: [
    { url: "/session", payload: { token: "x" }, answers: "Forbidden" },
    { url: "/session", payload: { token: "x" }, headers: OWN_PAGE, answers: "InvalidSignIn" },
    { url: "/session", payload: { code: "x" }, headers: OWN_PAGE, answers: "InvalidSignIn" },
  ],
  signOut: [{ url: "/session", as: [], headers: { cookie: "rates_session_platform=x" }, answers: "Forbidden" }],
  getRejected: [{ url: `/rejected/${"0".repeat(32)}`, answers: "UnknownRejected" }],
  cancelJobs: [
    { url: "/bulk/cancel", payload: { ids: ["waiting"] }, answers: 200 },
    { url: "/bulk/cancel", payload: { ids: ["unknown"] }, answers: "UnknownJob" },
    { url: "/bulk/cancel", payload: { filter: {}, ids: ["waiting"] }, answers: "InvalidRequest" },
    { url: "/bulk/cancel", payload: { filter: { status: "FAILED" } }, answers: "InvalidRequest" },
    { url: "/bulk/cancel", payload: { filter: {}, cursor: "abc" }, answers: "InvalidRequest" },
  ],
  retryJobs: [
    { url: "/bulk/retry", payload: { ids: ["failed", "ended"] }, answers: 200 },
    { url: "/bulk/retry", payload: { ids: ["unknown"] }, answers: "UnknownJob" },
  ],
  cancelJob: [{ url: "/jobs/running/cancel", answers: 202 }],
  retryJob: [
    { url: "/jobs/failed/retry", answers: 202 },
    { url: "/jobs/ended/retry", answers: "NotRetryable" },
  ],
  explainJob: [
    { url: "/explain", payload: { task: { ...task, sql: "selec" } }, answers: "InvalidSql" },
    { url: "/explain", payload: { task: { ...task, sql: "select 1; select 2" } }, answers: "NotOneStatement" },
  ],
  getPreview: [
    { url: "/jobs/large/preview", answers: 200 },
    { url: "/jobs/waiting/preview", answers: "NotFinished" },
    { url: "/jobs/failed/preview", answers: "NoResult" },
    { url: "/jobs/gone/preview", answers: "ResultGone" },
  ],
  getWaiting: [{ url: "/jobs/waiting/waiting", answers: 200 }],
  getTimeline: ["waiting", "running", "failed"].map((id) => ({ url: `/jobs/${id}/timeline`, answers: 200 })),
  getResult: [
    { url: "/jobs/large/result", answers: 302 },
    { url: "/jobs/large/result?delivery=link", answers: 200, without: ["ETag", "Accept-Ranges"] },
    { url: "/jobs/large/result?delivery=stream", answers: 200 },
    { url: "/jobs/large/result?delivery=stream", headers: { range: "bytes=0-1" }, answers: 206 },
    { url: "/jobs/large/result?delivery=stream", headers: { range: "bytes=99-" }, answers: "RangeNotSatisfiable" },
    { url: "/jobs/large/result", headers: { accept: "image/png" }, answers: "NotAcceptable" },
    { url: "/jobs/large/result", headers: { "if-none-match": "*" }, answers: 304 },
    { url: "/jobs/waiting/result", answers: "NotFinished" },
    { url: "/jobs/failed/result", answers: "NoResult" },
    { url: "/jobs/gone/result?delivery=stream", answers: "ResultGone" },
  ],
  getReport: [
    { url: "/jobs/refused/report", answers: 302 },
    { url: "/jobs/refused/report?delivery=link", answers: 200, without: ["ETag", "Accept-Ranges"] },
    { url: "/jobs/refused/report?delivery=stream", headers: { range: "bytes=0-1" }, answers: 206 },
    { url: "/jobs/refused/report?delivery=stream", headers: { range: "bytes=99-" }, answers: "RangeNotSatisfiable" },
    { url: "/jobs/failed/report", headers: { accept: "image/png" }, answers: "NotAcceptable" },
    { url: "/jobs/failed/report", headers: { "if-none-match": "*" }, answers: 304 },
    { url: "/jobs/waiting/report", answers: "NotFinished" },
    { url: "/jobs/ended/report", answers: "NoReport" },
    { url: "/jobs/cancelled/report", answers: "NoReport" },
    { url: "/jobs/refused-gone/report?delivery=stream", answers: "ResultGone" },
  ],
  getResponse: [
    { url: "/jobs/large/response", answers: 200 },
    { url: "/jobs/failed/response", answers: 200 },
    { url: "/jobs/cancelled/response", answers: 200 },
    { url: "/jobs/waiting/response", answers: "NotFinished" },
  ],
  watchJob: [{ url: "/jobs/failed/events", answers: 200 }],
  beginUpload: [{ url: "/uploads", payload: { fileName: "a.csv", bytes: 2_000 }, answers: "SourceTooLarge" }],
};

/** Documented responses that are not tested here, with the test that covers them, or the reason. */
const TESTED_ELSEWHERE: Record<string, string> = {
  Internal: "cannot be caused",
  TooManyRequests: "below, under low limits",
  TooManyStreams: "connections.test.ts",
  TooManyWaiting: "scopes.test.ts",
  DatabaseUnavailable: "below, without a database",
  Busy: "runtime/queries/sql/parser.test.ts",
  StorageUnavailable: "storage.test.ts",
  TrackingUnavailable: "tracking.test.ts",
  "beginUpload 200": "routes/uploads.test.ts",
  "retryJob SourceNotFound": "retries are accepted like submissions",
  "retryJob SourceNotAllowed": "the same",
  "retryJob InvalidSql": "a job whose SQL a later version refuses",
  "retryJob NotOneStatement": "the same",
  "retryJob 200": "two retries at one moment",
  "retryJob RequestIdConflict": "the same, with another's job in between",
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
    assert(make, `testing/api/validRequests.ts has no request of ${id}, and every operation needs one`);
    const validRequest = make(known);
    assert.match(validRequest.url, new RegExp(`^${path.replace(/\{\w+\}/g, "[^/?]+")}(\\?|$)`));
    return validRequest;
  };
  /** Read-only operations share an API; others get their own, since some end jobs that others need. */
  const groups = () => [
    operations.filter(({ method }) => method === "GET"),
    ...operations.filter(({ method }) => method !== "GET").map((one) => [one]),
  ];

  it("returns every response it documents, and documents every response it returns", async function () {
    this.timeout(120_000);
    const missing: string[] = [];
    const tryAll = async (p: Api, operation: DescribedOperation) => {
      const validRequest = validRequestOf(operation, p);
      const { id, method, responses } = operation;
      const seen = new Set<string | number>();
      const answersOf = async ({ url, payload, headers = {}, as = ["admin"], without }: Omit<Case, "answers">) => {
        const whose = as.length > 0 ? await p.as("acme", ...as) : {};
        const body = payload === undefined ? {} : { payload };
        const response = await p.app.inject({ method, url, headers: { ...whose, ...headers }, ...body });
        description.check(operation, response, without);
        seen.add(codeOf(response));
        return response;
      };
      for (const { answers, ...one } of [
        ...commonErrorCases(operation, validRequest),
        ...(await existingDataCases(p, operation, validRequest)),
        ...(MORE[id] ?? []),
      ]) {
        const response = await answersOf(one);
        assert.equal(codeOf(response), answers, `${id} ${one.url}: ${response.body.slice(0, 300)}`);
      }
      const response = await answersOf(validRequest);
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
      const works = Object.keys(responses).filter((status) => status < "400");
      for (const one of [...works.map(Number), ...Description.codesOf(operation)])
        if (!seen.has(one) && !(one in TESTED_ELSEWHERE) && !(`${id} ${one}` in TESTED_ELSEWHERE))
          missing.push(`${id} ${one}`);
    };
    for (const group of groups()) {
      const p = await populatedApi(SETTINGS);
      try {
        for (const operation of group) await tryAll(p, operation);
      } finally {
        await p.close();
      }
    }
    assert.deepEqual(missing, [], "described, and never answered");
  });

  it("returns Retry-After if the rate limit is exceeded", async function () {
    this.timeout(60_000);
    const most = 20;
    const limits = { tokenPerMinute: most, addressPerMinute: most, ratesPerMinute: most };
    const p = await populatedApi({ api: { openRates: true, limits } });
    try {
      for (const operation of operations) {
        if (!Description.codesOf(operation).includes("TooManyRequests")) continue;
        const { url } = validRequestOf(operation, p);
        const headers = operation.guarded ? await p.as("acme", "admin") : {};
        const ask = () => p.app.inject({ method: operation.method, url, headers });
        await Promise.all(Array.from({ length: most }, ask));
        const response = await ask();
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
      const asked = operations.map((operation) => ({ operation, ...validRequestOf(operation, p) }));
      // No server listens on port 1, so the driver reports its own error.
      const gone = new pg.Pool({ host: "127.0.0.1", port: 1 });
      p.pool.query = gone.query.bind(gone) as never;
      p.pool.connect = gone.connect.bind(gone) as never;
      for (const { operation, url, payload, headers: more = {} } of asked) {
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
      await gone.end();
    } finally {
      await p.close();
    }
  });
});

/** Returns the error cases that follow from an operation's description. */
function commonErrorCases(
  { path, guarded, takesBody, takesParameters, method }: DescribedOperation,
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
    guarded && { ...validRequest, as: [], answers: "Unauthorized" },
    // Every caller may use its own session.
    guarded && !path.startsWith("/session") && { ...validRequest, as: insufficientScopes, answers: "Forbidden" },
    takesBody && { url, payload: "{", headers: json, answers: "UnreadableMessage" },
    takesBody && { url, payload: `"${"x".repeat(1_100_000)}"`, headers: json, answers: "TooLarge" },
    takesBody && { url, payload: "<x/>", headers: { "content-type": "text/xml" }, answers: "UnsupportedMediaType" },
    takesBody && { url, payload: { none: 1 }, answers: "InvalidRequest" },
    takesParameters && {
      ...validRequest,
      url: path.includes("{id}") ? path.replace("{id}", "!") : `${path}?none=1`,
      answers: "InvalidRequest",
    },
    path.startsWith("/jobs/{id}") && { url: path.replace("{id}", "none"), answers: "UnknownJob" },
    path === "/tokens/{id}" && { url: "/tokens/none", answers: "UnknownToken" },
  ];
  return all.filter((one) => one !== false);
}

/** Cases that need generated values: unknown and unstarted uploads, and a caller's own token. */
async function existingDataCases(p: Api, { path }: DescribedOperation, validRequest: SentRequest): Promise<Case[]> {
  if (path === "/tokens/{id}") {
    const headers = await p.as("acme", "admin");
    const { rows } = await p.admin.query("select id from jobs.tokens order by created_at desc limit 1");
    return [{ url: `/tokens/${rows[0].id}`, headers, answers: "TokenInUse" }];
  }
  if (!path.startsWith("/uploads/{id}")) return [];
  const [key = ""] = Buffer.from(p.known.upload, "base64url").toString().split("\n");
  const unknownUpload = Buffer.from(`${key}\nnever-begun`).toString("base64url");
  return [
    { ...validRequest, url: path.replace("{id}", "none"), answers: "NotFound" },
    // Links are signed without contacting S3, which later refuses the parts.
    {
      ...validRequest,
      url: path.replace("{id}", unknownUpload),
      answers: path.endsWith("/parts") ? 200 : "SourceNotFound",
    },
  ];
}
