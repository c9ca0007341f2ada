import { parseRoute } from "./route.js";

/**
 * Requests what the first view shows before the rest of the page is there: this module needs next to nothing and runs
 * first, so that the answers are made while the others load.
 */

/** The browser's storage has this key while somebody is signed in. The session itself is a cookie that no script sees. */
export const SIGNED_IN_KEY = "rates-signed-in";
/** Jobs of a page, at first. */
export const PAGE = 25;
/** Running and failed jobs that the overview lists. */
export const OVERVIEW_JOBS = 6;

/** @type {(range: { over: string, from: string, to: string }) => string} */
export const figuresPath = ({ over, from, to }) =>
  `stats/figures?${new URLSearchParams(from && to ? { from, to } : { over })}`;

/** Path of the newest jobs in a state, as the overview lists them. @param {"IN_PROGRESS" | "PENDING" | "FAILED"} status */
export const overviewJobsPath = (status) =>
  jobsPath({ status, ...(status === "FAILED" ? { sort: "finishedAt" } : { order: "asc" }) }, OVERVIEW_JOBS);

/** Parameters of GET /jobs for a filter; `since` is the caller's to turn into a time.
 * @type {(filter: Partial<import("./route.js").JobFilter>, limit: number, cursor?: string) => string} */
export function jobsPath({ text = "", since: _since, ...filter }, limit, cursor = "") {
  const search = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ text: text.trim(), ...filter, cursor }))
    if (value) search.set(name === "from" ? "createdFrom" : name === "to" ? "createdTo" : name, value);
  return `jobs?${search}`;
}

/** @type {Map<string, Promise<Response>>} */
const requested = new Map();

/** The answer that is on its way already, once. A request for anything else comes from another page: then none is wanted.
 * @param {string} path */
export function preloaded(path) {
  const answer = requested.get(path);
  if (answer) requested.delete(path);
  else requested.clear();
  return answer;
}

/** What a page shows first. @param {import("./route.js").Route} route */
function firstPaths(route) {
  if (route.page === "overview")
    return [figuresPath(route), overviewJobsPath("IN_PROGRESS"), overviewJobsPath("FAILED")];
  return route.page === "jobs" && !route.filter.since ? [jobsPath(route.filter, PAGE)] : [];
}

if (localStorage.getItem(SIGNED_IN_KEY) !== null)
  for (const path of firstPaths(parseRoute(location.hash))) {
    const answer = fetch(path, { priority: "high" });
    answer.catch(() => {}); // The page that takes it reports the failure.
    requested.set(path, answer);
  }
