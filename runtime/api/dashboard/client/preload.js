import { parseRoute } from "./route.js";

/** This module is small and runs first: it requests the data of the first view while the other modules load. */

/**
 * Key in the browser's storage that exists while a user is signed in. The session itself is a cookie that scripts
 * cannot read.
 */
export const SIGNED_IN_KEY = "rates-signed-in";
/** Initial number of listed jobs. */
export const INITIAL_JOBS = 25;
/** Number of jobs per state that the overview requests. */
export const OVERVIEW_JOBS = 6;

/** @type {(range: { over: string, from: string, to: string }) => string} */
export const figuresPath = ({ over, from, to }) =>
  `stats/figures?${new URLSearchParams(from && to ? { from, to } : { over })}`;

/**
 * Returns the path of jobs in a state for the overview: those that failed last, or the oldest running or waiting ones.
 * @param {"IN_PROGRESS" | "PENDING" | "FAILED"} status
 */
export const overviewJobsPath = (status) =>
  jobsPath({ status, ...(status === "FAILED" ? { sort: "finishedAt" } : { order: "asc" }) }, OVERVIEW_JOBS);

/**
 * Returns the path of GET /jobs for a filter, without `since`, which callers convert to `from`.
 * @type {(filter: Partial<import("./route.js").JobFilter>, limit: number, cursor?: string) => string}
 */
export function jobsPath({ text = "", since: _since, ...filter }, limit, cursor = "") {
  const search = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ text: text.trim(), ...filter, cursor }))
    if (value) search.set(name === "from" ? "createdFrom" : name === "to" ? "createdTo" : name, value);
  return `jobs?${search}`;
}

/** @type {Map<string, Promise<Response>>} */
const preloads = new Map();

/**
 * Returns the preloaded response to a path, once. A request for a path that is not preloaded discards all preloaded
 * responses, which would be outdated if their page were opened later.
 * @param {string} path
 */
export function preloaded(path) {
  const response = preloads.get(path);
  if (response) preloads.delete(path);
  else preloads.clear();
  return response;
}

/** Returns the paths that are preloaded for a page. @param {import("./route.js").Route} route */
function firstPaths(route) {
  if (route.page === "overview")
    return [figuresPath(route), overviewJobsPath("IN_PROGRESS"), overviewJobsPath("FAILED")];
  return route.page === "jobs" && !route.filter.since ? [jobsPath(route.filter, INITIAL_JOBS)] : [];
}

if (localStorage.getItem(SIGNED_IN_KEY) !== null)
  for (const path of firstPaths(parseRoute(location.hash))) {
    const response = fetch(path, { priority: "high" });
    response.catch(() => {}); // The page that uses the response reports the failure.
    preloads.set(path, response);
  }
