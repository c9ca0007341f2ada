/** Existing objects that requests can refer to. */
export interface Fixtures {
  /** A waiting job. */
  waiting: string;
  /** A cancelled job. */
  cancelled: string;
  /** A succeeded job. */
  ended: string;
  /** An open upload, and its parts. */
  upload: string;
  parts: { partNumber: number; etag: string }[];
  /** A rejected request. */
  rejected: string;
  /** A token that may be revoked. */
  token: string;
  /** The code of a sign-in link. */
  code: string;
}

/** A request as a caller may send it. */
export interface SentRequest {
  url: string;
  payload?: object;
  headers?: Record<string, string>;
}

/** Headers of a request from the platform's own pages. */
export const OWN_PAGE = { "sec-fetch-site": "same-origin" };

const read = { type: "read", sql: "select 1 as n", format: "json" };

/**
 * A valid request for each operation of the API, by operationId. Tests of all operations use them: an operation without
 * an entry fails those tests.
 */
export const VALID_REQUESTS: Record<string, (known: Fixtures) => SentRequest> = {
  isAlive: () => ({ url: "/healthz" }),
  isReady: () => ({ url: "/readyz" }),
  getMetrics: () => ({ url: "/metrics" }),
  getRates: () => ({ url: "/rates?date_from=2021-01-01&date_to=2021-01-02&orig_code=CNGGZ&dest_code=EETLL" }),
  listAudit: () => ({ url: "/audit?limit=5" }),
  getUsage: () => ({ url: "/usage?month=2026-01" }),
  findPlaces: () => ({ url: "/places?text=a" }),
  listQueries: () => ({ url: "/queries" }),
  createToken: () => ({ url: "/tokens", payload: { name: "made", tenant: "acme", scopes: ["read"] } }),
  listTokens: () => ({ url: "/tokens" }),
  revokeToken: ({ token }) => ({ url: `/tokens/${token}` }),
  createSessionLink: () => ({ url: "/session-links" }),
  signIn: ({ code }) => ({ url: "/session", payload: { code }, headers: OWN_PAGE }),
  getLogin: () => ({ url: "/login" }),
  getSession: () => ({ url: "/session" }),
  signOut: () => ({ url: "/session" }),
  submitJob: () => ({ url: "/jobs", payload: { task: read } }),
  searchJobs: () => ({ url: "/jobs?text=secret&sort=totalMs&order=asc&limit=3" }),
  getJob: ({ ended }) => ({ url: `/jobs/${ended}` }),
  findJobIds: () => ({ url: "/job-ids?prefix=e&limit=5" }),
  getRejected: ({ rejected }) => ({ url: `/rejected/${rejected}` }),
  listRejected: () => ({ url: "/rejected?limit=5" }),
  cancelJobs: () => ({ url: "/bulk/cancel", payload: { filter: { text: "nothing" }, dryRun: true } }),
  retryJobs: () => ({ url: "/bulk/retry", payload: { filter: { type: "read" }, dryRun: true } }),
  cancelJob: ({ waiting }) => ({ url: `/jobs/${waiting}/cancel` }),
  retryJob: ({ cancelled }) => ({ url: `/jobs/${cancelled}/retry` }),
  explainJob: () => ({ url: "/explain", payload: { task: read } }),
  getPreview: ({ ended }) => ({ url: `/jobs/${ended}/preview?rows=1` }),
  getWaiting: () => ({ url: "/jobs/running/waiting" }),
  getTimeline: ({ ended }) => ({ url: `/jobs/${ended}/timeline` }),
  getResult: ({ ended }) => ({ url: `/jobs/${ended}/result?delivery=stream` }),
  getReport: () => ({ url: "/jobs/failed/report" }),
  getResponse: ({ ended }) => ({ url: `/jobs/${ended}/response` }),
  watchJob: ({ ended }) => ({ url: `/jobs/${ended}/events` }),
  beginUpload: () => ({ url: "/uploads", payload: { fileName: "new.csv", bytes: 9 } }),
  linkParts: ({ upload }) => ({ url: `/uploads/${upload}/parts?from=2&count=3` }),
  completeUpload: ({ upload, parts }) => ({ url: `/uploads/${upload}/complete`, payload: { parts } }),
  abortUpload: ({ upload }) => ({ url: `/uploads/${upload}` }),
  getStats: () => ({ url: "/stats" }),
  getFigures: () => ({ url: "/stats/figures?over=24h" }),
  listDeadLetters: () => ({ url: "/dead-letters?limit=5" }),
  redrive: () => ({ url: "/redrive", payload: { dryRun: true } }),
};
