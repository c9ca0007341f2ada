import { signal } from "@preact/signals";
import { ALL_JOBS, formatRoute, isSamePage, parseRoute } from "./route.js";

/** Current route. @type {import("@preact/signals").Signal<import("./route.js").Route>} */
export const route = signal(parseRoute(location.hash));

addEventListener("hashchange", () => {
  const before = route.value;
  route.value = parseRoute(location.hash);
  // A new page starts at the top, with the focus on its heading for screen readers.
  if (isSamePage(before, route.value)) return;
  scrollTo(0, 0);
  requestAnimationFrame(() => document.querySelector("h1")?.focus());
});

/** Replaces the route without adding to the browser's history. @param {import("./route.js").Route} next */
export function replaceRoute(next) {
  route.value = next;
  history.replaceState(null, "", formatRoute(next));
}

/**
 * Changes the filter of the list of jobs, navigating to its page if necessary.
 * @param {Partial<import("./route.js").JobFilter>} change
 */
export function refineJobs(change) {
  const current = route.value;
  if (current.page === "jobs") replaceRoute({ page: "jobs", filter: { ...current.filter, ...change } });
  else location.hash = formatRoute({ page: "jobs", filter: { ...ALL_JOBS, ...change } });
}
