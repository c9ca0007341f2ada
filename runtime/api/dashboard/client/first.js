import { parseRoute } from "./route.js";

/**
 * What the first view shows, asked for before the rest of the page is there: this module needs next to nothing and is run
 * first, so that the answers are made while the others load.
 */

/** The browser's storage has this key while somebody is signed in. The session itself is a cookie that no script sees. */
export const SIGNED_IN_KEY = "rates-signed-in";
/** Jobs of a page, at first. */
export const PAGE = 25;

/** @param {"hour" | "day"} over */
export const figuresPath = (over) => `stats/figures?over=${over}`;

/** @type {(filter: { text: string, status: string, type: string }, limit: number) => string} */
export function jobsPath({ text, status, type }, limit) {
  const search = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ text: text.trim(), status, type })) if (value) search.set(name, value);
  return `jobs?${search}`;
}

/** @type {Map<string, Promise<Response>>} */
const asked = new Map();

/** The answer that is on its way already, once. Who asks for anything else shows another page: then none is wanted.
 * @param {string} path */
export function firstAnswer(path) {
  const answer = asked.get(path);
  if (answer) asked.delete(path);
  else asked.clear();
  return answer;
}

const isSignedIn = localStorage.getItem(SIGNED_IN_KEY) !== null;
const route = parseRoute(location.hash);
if (isSignedIn && route.page === "overview")
  for (const path of [figuresPath("hour"), jobsPath(route, PAGE)]) {
    const answer = fetch(path, { priority: "high" });
    answer.catch(() => {}); // Whoever takes it says what went wrong.
    asked.set(path, answer);
  }
