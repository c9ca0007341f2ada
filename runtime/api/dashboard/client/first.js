import { parseRoute } from "./route.js";

/**
 * What the first view shows, asked for before the rest of the page is there: this module needs next to nothing and is run
 * first, so that the answers are made while the others load.
 */

/** Under which name the token lies in the tab's storage. */
export const TOKEN_KEY = "rates-token";
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

/** @type {(token: string) => { authorization: string }} */
export const authorization = (token) => ({ authorization: `Bearer ${token}` });

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

const token = sessionStorage.getItem(TOKEN_KEY);
const route = parseRoute(location.hash);
if (token && route.page === "overview")
  for (const path of [figuresPath("hour"), jobsPath(route, PAGE)]) {
    const answer = fetch(path, { headers: authorization(token), priority: "high" });
    answer.catch(() => {}); // Whoever takes it says what went wrong.
    asked.set(path, answer);
  }
