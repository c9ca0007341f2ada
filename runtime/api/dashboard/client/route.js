/**
 * Routes of the page, stored in the URL's fragment, so that links, reloads, bookmarks and the browser's back button
 * work. The only secret in a route is the code of a sign-in link, which is removed after use. `again` is the job whose
 * task is edited, as "tenant/requestId".
 * @typedef {{ text: string, status: string, type: string, runner: string, label: string, tenant: string, since: string,
 *   from: string, to: string, sort: string, order: string }} JobFilter
 * @typedef {{ over: string, from: string, to: string }} Range
 * @typedef {"query" | "statement" | "sql"} QueryKind
 * @typedef {({ page: "overview" } & Range)
 *   | { page: "jobs", filter: JobFilter }
 *   | { page: "job", tenant: string, requestId: string }
 *   | { page: "rejected", tenant: string, id: string }
 *   | { page: "query", kind: QueryKind | "", name: string, again: string }
 *   | { page: "load", again: string }
 *   | { page: "dead-letters" }
 *   | { page: "usage", month: string }
 *   | { page: "tokens" }
 *   | { page: "audit", text: string, action: string }
 *   | { page: "not-found" }
 *   | { page: "sign-in", code: string }
 *   | { page: "signed-in", next: string }
 *   | { page: "sign-in-failed", error: string }} Route
 */

/** Time ranges up to now. */
export const RECENT_RANGES = /** @type {const} */ (["15m", "1h", "6h", "24h"]);
const DEFAULT_RANGE = "1h";

/** The filter that matches every job. @type {Readonly<JobFilter>} */
export const ALL_JOBS = {
  text: "",
  status: "",
  type: "",
  runner: "",
  label: "",
  tenant: "",
  since: "",
  from: "",
  to: "",
  sort: "",
  order: "",
};
/** A month: "2026-01". */
const MONTH = /^(?:19|20)\d\d-(?:0[1-9]|1[0-2])$/;
const KINDS = new Set(["query", "statement", "sql"]);

/** @type {(hash: string) => Route} */
export function parseRoute(hash) {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page, first = "", second = ""] = path.split("/").map(decoded);
  const parameters = new URLSearchParams(search);
  const value = (/** @type {string} */ name) => parameters.get(name) ?? "";
  switch (page) {
    case "jobs":
      if (first && second) return { page: "job", tenant: first, requestId: second };
      return first === "" ? { page: "jobs", filter: filterOf(value) } : NOT_FOUND;
    case "rejected":
      return first && second ? { page, tenant: first, id: second } : NOT_FOUND;
    case "query":
      return {
        page,
        kind: KINDS.has(first) ? /** @type {QueryKind} */ (first) : "",
        name: KINDS.has(first) ? second : "",
        again: value("again"),
      };
    case "load":
      return { page, again: value("again") };
    case "dead-letters":
    case "tokens":
      return { page };
    case "usage":
      return { page, month: MONTH.test(value("month")) ? value("month") : "" };
    case "audit":
      return { page, text: value("text"), action: value("action") };
    case "sign-in":
      return first ? { page, code: first } : NOT_FOUND;
    case "signed-in":
      return { page, next: first.startsWith("#/") ? first : "#/" };
    case "sign-in-failed":
      return { page, error: first };
    case "":
      return overviewOf(value);
    default:
      return NOT_FOUND;
  }
}

/** @type {Route} */
const NOT_FOUND = { page: "not-found" };

/** @type {(value: (name: string) => string) => Route} */
function overviewOf(value) {
  const over = RECENT_RANGES.find((range) => range === value("over")) ?? DEFAULT_RANGE;
  const isRange = !Number.isNaN(Date.parse(value("from"))) && !Number.isNaN(Date.parse(value("to")));
  return { page: "overview", over, from: isRange ? value("from") : "", to: isRange ? value("to") : "" };
}

/** @type {(value: (name: string) => string) => JobFilter} */
const filterOf = (value) =>
  /** @type {JobFilter} */ (Object.fromEntries(Object.keys(ALL_JOBS).map((name) => [name, value(name)])));

/** @type {(path: string, search: Record<string, string>) => string} */
function address(path, search) {
  const parameters = new URLSearchParams(Object.entries(search).filter(([, value]) => value !== ""));
  return parameters.size > 0 ? `#/${path}?${parameters}` : `#/${path}`;
}

/** @type {(route: Route) => string} */
export function formatRoute(route) {
  switch (route.page) {
    case "jobs":
      return address("jobs", route.filter);
    case "job":
      return `#/jobs/${encodeURIComponent(route.tenant)}/${encodeURIComponent(route.requestId)}`;
    case "rejected":
      return `#/rejected/${encodeURIComponent(route.tenant)}/${encodeURIComponent(route.id)}`;
    case "query": {
      const { kind, name, again } = route;
      return address(["query", kind, encodeURIComponent(name)].filter(Boolean).join("/"), { again });
    }
    case "load":
      return address("load", { again: route.again });
    case "dead-letters":
    case "tokens":
      return `#/${route.page}`;
    case "usage":
      return address("usage", { month: route.month });
    case "audit":
      return address("audit", { text: route.text, action: route.action });
    case "sign-in":
      return `#/sign-in/${encodeURIComponent(route.code)}`;
    case "signed-in":
      return `#/signed-in/${encodeURIComponent(route.next)}`;
    case "sign-in-failed":
      return `#/sign-in-failed/${encodeURIComponent(route.error)}`;
    case "not-found":
      return "#/not-found";
    default: {
      const { over, from, to } = route;
      return address("", from && to ? { from, to } : { over: over === DEFAULT_RANGE ? "" : over });
    }
  }
}

/** Returns the address of the list of jobs with a filter. @param {Partial<JobFilter>} filter */
export const jobsAddress = (filter) => formatRoute({ page: "jobs", filter: { ...ALL_JOBS, ...filter } });

/** Returns the window title of a route. @param {Route} route */
export function titleOf(route) {
  const titles = {
    overview: "",
    jobs: "Jobs",
    job: "requestId" in route ? route.requestId : "",
    rejected: "Rejected request",
    query: "name" in route && route.name ? route.name : "Query",
    load: "Load",
    "dead-letters": "Dead letters",
    usage: "Usage",
    tokens: "Tokens",
    audit: "Audit",
    "sign-in": "Sign in",
    "signed-in": "Sign in",
    "sign-in-failed": "Sign in",
    "not-found": "Not found",
  };
  return [titles[route.page], "Rates platform"].filter(Boolean).join(" · ");
}

/**
 * Returns true if a navigation stays on the same page, for example when a search is refined.
 * @type {(before: Route, after: Route) => boolean}
 */
export const isSamePage = (before, after) =>
  before.page === after.page &&
  ((before.page !== "job" && before.page !== "rejected") || formatRoute(before) === formatRoute(after));

/** Decodes a segment of an address. Returns an invalid segment unchanged. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
