import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { deadLetters, loadCaller, useDeadLetterCount } from "../figures.js";
import { count } from "../format.js";
import { caller, hasScope, isAdmin, PAGE_SCOPES, signOut } from "../session.js";
import { ICON } from "./components.js";
import { Search } from "./search.js";

/** Frame of every page: navigation, search, session. @param {{ page: string, children: unknown }} props */
export function Shell({ page, children }) {
  const session = caller.value;
  useEffect(() => {
    // The page itself reports when the API does not respond.
    loadCaller().catch(() => {});
  }, [page]);
  // The overview and the page of dead letters load the number of dead letters themselves.
  useDeadLetterCount(isAdmin.value && page !== "overview" && page !== "dead-letters");
  const links = [
    { to: "#/", name: "Overview", pages: ["overview"], isShown: true },
    { to: "#/jobs", name: "Jobs", pages: ["jobs", "job", "rejected"], isShown: true },
    { to: "#/query", name: "Query", pages: ["query"], isShown: PAGE_SCOPES.query.every(hasScope) },
    { to: "#/load", name: "Load", pages: ["load"], isShown: PAGE_SCOPES.load.every(hasScope) },
    { to: "#/dead-letters", name: "Dead letters", pages: ["dead-letters"], isShown: isAdmin.value },
    { to: "#/usage", name: "Usage", pages: ["usage"], isShown: hasScope("read") },
    { to: "#/tokens", name: "Tokens", pages: ["tokens"], isShown: isAdmin.value },
    { to: "#/audit", name: "Audit", pages: ["audit"], isShown: hasScope("read") },
  ];
  return html`
    <a class="skip" href="#content" onClick=${skipToContent}>Skip to content</a>
    <header class="bar">
      <div class="bar-inner">
        <a class="brand" href="#/"><img src=${ICON} alt="" width="24" height="24" /> Rates platform</a>
        <nav aria-label="Pages">
          ${links
            .filter(({ isShown }) => isShown)
            .map(
              ({ to, name, pages }) => html`
                <a href=${to} aria-current=${pages.includes(page) ? "page" : undefined}>
                  ${name}${to === "#/dead-letters" && deadLetters.value > 0 && html` <span class="count">${count(deadLetters.value)}</span>`}
                </a>
              `,
            )}
        </nav>
        <${Search} />
        <div class="who">
          ${session && html`<span class="chip" title=${`${session.name}; scopes: ${session.scopes.join(", ")}`}>${session.tenant}</span>`}
          <a class="quiet" href="docs">API</a>
          <button type="button" class="quiet" onClick=${signOut}>Sign out</button>
        </div>
      </div>
    </header>
    <main id="content" tabindex="-1">${children}</main>
  `;
}

/** Skips to the content without changing the fragment, which is the route. @param {MouseEvent} event */
function skipToContent(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
