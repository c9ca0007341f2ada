import { signal } from "@preact/signals";
import { ALL_JOBS, formatRoute, isSamePage, parseRoute } from "./route.js";

/** Where one is. @type {import("@preact/signals").Signal<import("./route.js").Route>} */
export const route = signal(parseRoute(location.hash));

addEventListener("hashchange", () => {
  const before = route.value;
  route.value = parseRoute(location.hash);
  // Another page begins at its top, and a screen reader at its heading.
  if (isSamePage(before, route.value)) return;
  scrollTo(0, 0);
  requestAnimationFrame(() => document.querySelector("h1")?.focus());
});

/** Shows another state of the same page; not a step for the browser's back button. @param {import("./route.js").Route} next */
export function replaceRoute(next) {
  route.value = next;
  history.replaceState(null, "", formatRoute(next));
}

/** Changes the filter of the list of jobs, on its page or on the way there.
 * @param {Partial<import("./route.js").JobFilter>} change */
export function refineJobs(change) {
  const now = route.value;
  if (now.page === "jobs") replaceRoute({ page: "jobs", filter: { ...now.filter, ...change } });
  else location.hash = formatRoute({ page: "jobs", filter: { ...ALL_JOBS, ...change } });
}
