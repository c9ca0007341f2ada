import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { deadLetters, learnCaller } from "../figures.js";
import { count } from "../format.js";
import { caller, isAdmin, may, signOut } from "../session.js";
import { ICON } from "./parts.js";

/** What is around every page. @param {{ page: string, children: unknown }} props */
export function Shell({ page, children }) {
  const who = caller.value;
  useEffect(() => {
    // What fails here the page itself says, as it asks the same API.
    learnCaller().catch(() => {});
  }, [page]);
  const links = [
    { to: "#/", name: "Overview", of: ["overview", "job"], shown: true },
    { to: "#/submit", name: "Submit", of: ["submit"], shown: may("submit") },
    { to: "#/letters", name: "Dead letters", of: ["letters"], shown: isAdmin.value },
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
              ({ to, name, of }) =>
                html`<a href=${to} aria-current=${of.includes(page) ? "page" : undefined}>${name}${to === "#/letters" && deadLetters.value > 0 && html` <span class="chip">${count(deadLetters.value)}</span>`}</a>`,
            )}
        </nav>
        <div class="who">
          ${who && html`<span class="chip" title=${`${who.name}; scopes: ${who.scopes.join(", ")}`}>${who.tenant}</span>`}
          <button type="button" class="quiet" onClick=${signOut}>Sign out</button>
        </div>
      </div>
    </header>
    <main id="content" tabindex="-1">${children}</main>
  `;
}

/** The address is the route's: a jump must not change it. @param {MouseEvent} event */
function toContent(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
