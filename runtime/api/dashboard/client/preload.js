import { parseRoute } from "./route.js";

/** Requests the data of the first view while the other modules load. This module is small and runs first. */

/**
 * Key in the browser's storage that exists while a user is signed in. The session itself is a cookie that scripts
 * cannot read.
 */
export const SIGNED_IN_KEY = "rates-signed-in";
/** Initial number of jobs per page. */
export const PAGE = 25;
/** Number of running and failed jobs in the overview. */
export const OVERVIEW_JOBS = 6;

/** @type {(range: { over: string, from: string, to: string }) => string} */
export const figuresPath = ({ over, from, to }) =>
  `stats/figures?${new URLSearchParams(from && to ? { from, to } : { over })}`;

/**
 * Returns the path of the newest jobs in a state, for the overview.
 * @param {"IN_PROGRESS" | "PENDING" | "FAILED"} status
 */
export const overviewJobsPath = (status) =>
  jobsPath({ status, ...(status === "FAILED" ? { sort: "finishedAt" } : { order: "asc" }) }, OVERVIEW_JOBS);

/**
 * Returns the parameters of GET /jobs for a filter, except for `since`, which the caller converts to a time.
 * @type {(filter: Partial<import("./route.js").JobFilter>, limit: number, cursor?: string) => string}
 */
export function jobsPath({ text = "", since: _since, ...filter }, limit, cursor = "") {
  const search = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ text: text.trim(), ...filter, cursor }))
    if (value) search.set(name === "from" ? "createdFrom" : name === "to" ? "createdTo" : name, value);
  return `jobs?${search}`;
}

/** @type {Map<string, Promise<Response>>} */
const requested = new Map();

/**
 * Returns a preloaded response, once. A request for anything else means that another page is shown, and discards all.
 * @param {string} path
 */
export function preloaded(path) {
  const answer = requested.get(path);
  if (answer) requested.delete(path);
  else requested.clear();
  return answer;
}

/** Returns the paths that a page requests first. @param {import("./route.js").Route} route */
function firstPaths(route) {
  if (route.page === "overview")
    return [figuresPath(route), overviewJobsPath("IN_PROGRESS"), overviewJobsPath("FAILED")];
  return route.page === "jobs" && !route.filter.since ? [jobsPath(route.filter, PAGE)] : [];
}

if (localStorage.getItem(SIGNED_IN_KEY) !== null)
  for (const path of firstPaths(parseRoute(location.hash))) {
    const answer = fetch(path, { priority: "high" });
    answer.catch(() => {}); // The failure is reported by the page that uses the response.
    requested.set(path, answer);
  }
