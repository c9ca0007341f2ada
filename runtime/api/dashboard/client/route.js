/**
 * Where in the page one is, kept in the address behind the #: links, reloads and the browser's own buttons work. Of secrets
 * only the code of a link that signs in stands there, and goes as soon as it was used.
 *
 * @typedef {{ page: "overview", text: string, status: string, type: string }
 *   | { page: "job", tenant: string, requestId: string }
 *   | { page: "submit", kind?: "query" | "statement", name?: string }
 *   | { page: "letters" }
 *   | { page: "audit" }
 *   | { page: "sign-in", code: string }
 *   | { page: "signed-in", next: string }
 *   | { page: "sign-in-failed", error: string }} Route
 */

/** @type {(hash: string) => Route} */
export function parseRoute(hash) {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page, ...rest] = path.split("/").map(decoded);
  const [first = "", second = ""] = rest;
  if (page === "jobs" && first && second) return { page: "job", tenant: first, requestId: second };
  if (page === "submit")
    return (first === "query" || first === "statement") && second
      ? { page: "submit", kind: first, name: second }
      : { page: "submit" };
  if (page === "letters") return { page: "letters" };
  if (page === "audit") return { page: "audit" };
  if (page === "sign-in" && first) return { page: "sign-in", code: first };
  if (page === "signed-in") return { page, next: first.startsWith("#/") ? first : "#/" };
  if (page === "sign-in-failed") return { page, error: first };
  const given = new URLSearchParams(search);
  const [text, status, type] = ["text", "status", "type"].map((name) => given.get(name) ?? "");
  return { page: "overview", text: text ?? "", status: status ?? "", type: type ?? "" };
}

/** @type {(route: Route) => string} */
export function formatRoute(route) {
  switch (route.page) {
    case "job":
      return `#/jobs/${encodeURIComponent(route.tenant)}/${encodeURIComponent(route.requestId)}`;
    case "submit":
      return route.kind && route.name ? `#/submit/${route.kind}/${encodeURIComponent(route.name)}` : "#/submit";
    case "letters":
      return "#/letters";
    case "audit":
      return "#/audit";
    case "sign-in":
      return `#/sign-in/${encodeURIComponent(route.code)}`;
    case "signed-in":
      return `#/signed-in/${encodeURIComponent(route.next)}`;
    case "sign-in-failed":
      return `#/sign-in-failed/${encodeURIComponent(route.error)}`;
    default: {
      const given = Object.entries({ text: route.text, status: route.status, type: route.type });
      const search = new URLSearchParams(given.filter(([, value]) => value !== ""));
      return search.size > 0 ? `#/?${search}` : "#/";
    }
  }
}

/** What a window is called that shows it. @param {Route} route */
export function titleOf(route) {
  const what = {
    overview: "",
    job: "requestId" in route ? route.requestId : "",
    submit: "Submit a job",
    letters: "Dead letters",
    audit: "Audit",
    "sign-in": "Sign in",
    "signed-in": "Sign in",
    "sign-in-failed": "Sign in",
  };
  return [what[route.page], "Rates platform"].filter(Boolean).join(" · ");
}

/** Whether one stays where one is: a search is refined, or a form chosen beside its list.
 * @type {(one: Route, other: Route) => boolean} */
export const isSamePage = (one, other) =>
  one.page === other.page && (one.page !== "job" || formatRoute(one) === formatRoute(other));

/** An address that somebody has mistyped is read as it stands.
 * @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
