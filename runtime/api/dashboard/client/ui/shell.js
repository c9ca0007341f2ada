import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { deadLetters, learnCaller, useDeadLetterCount } from "../figures.js";
import { count } from "../format.js";
import { caller, isAdmin, may, signOut } from "../session.js";
import { ICON } from "./parts.js";
import { Search } from "./search.js";

/** Frame of every page: navigation, search, session. @param {{ page: string, children: unknown }} props */
export function Shell({ page, children }) {
  const who = caller.value;
  useEffect(() => {
    // The page reports the failure itself, since it uses the same API.
    learnCaller().catch(() => {});
  }, [page]);
  // The overview and the page of dead letters load the number themselves.
  useDeadLetterCount(isAdmin.value && page !== "overview" && page !== "dead-letters");
  const links = [
    { to: "#/", name: "Overview", of: ["overview"], shown: true },
    { to: "#/jobs", name: "Jobs", of: ["jobs", "job", "rejected"], shown: true },
    { to: "#/query", name: "Query", of: ["query"], shown: may("submit") },
    { to: "#/load", name: "Load", of: ["load"], shown: may("submit") && may("update") },
    { to: "#/dead-letters", name: "Dead letters", of: ["dead-letters"], shown: isAdmin.value },
    { to: "#/usage", name: "Usage", of: ["usage"], shown: may("read") },
    { to: "#/tokens", name: "Tokens", of: ["tokens"], shown: isAdmin.value },
    { to: "#/audit", name: "Audit", of: ["audit"], shown: may("read") },
  ];
  return html`
    <a class="skip" href="#content" onClick=${toContent}>Skip to content</a>
    <header class="bar">
      <div class="bar-inner">
        <a class="brand" href="#/"><img src=${ICON} alt="" width="24" height="24" /> Rates platform</a>
        <nav aria-label="Pages">
          ${links
            .filter(({ shown }) => shown)
            .map(
              ({ to, name, of }) => html`
                <a href=${to} aria-current=${of.includes(page) ? "page" : undefined}>
                  ${name}${to === "#/dead-letters" && deadLetters.value > 0 && html` <span class="count">${count(deadLetters.value)}</span>`}
                </a>
              `,
            )}
        </nav>
        <${Search} />
        <div class="who">
          ${who && html`<span class="chip" title=${`${who.name}; scopes: ${who.scopes.join(", ")}`}>${who.tenant}</span>`}
          <a class="quiet" href="docs">API</a>
          <button type="button" class="quiet" onClick=${signOut}>Sign out</button>
        </div>
      </div>
    </header>
    <main id="content" tabindex="-1">${children}</main>
  `;
}

/** The fragment is the route, so the skip link must not change it. @param {MouseEvent} event */
function toContent(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
