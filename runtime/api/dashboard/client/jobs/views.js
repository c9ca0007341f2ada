import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { ALL_JOBS, formatRoute } from "../route.js";
import { caller } from "../session.js";

/** Built-in views. @type {readonly { name: string, filter: Partial<import("../route.js").JobFilter> }[]} */
const PRESETS = [
  { name: "All", filter: {} },
  { name: "Running", filter: { status: "IN_PROGRESS" } },
  { name: "Waiting", filter: { status: "PENDING" } },
  { name: "Failed", filter: { status: "FAILED" } },
  { name: "Rejected", filter: { status: "REJECTED" } },
  { name: "Slowest of the last 24 hours", filter: { since: "24h", sort: "totalMs" } },
];
/** Maximum number of saved views per tenant, and the maximum length of their names. */
const MAX_VIEWS = 20;
const MAX_NAME = 40;

/** @typedef {{ name: string, address: string }} View */

/**
 * Returns the storage key of a tenant's views, so that users of other tenants in this browser do not see them.
 * @param {string} tenant
 */
const storageKey = (tenant) => `rates-views:${tenant}`;

/** @param {string} tenant @returns {View[]} */
function readViews(tenant) {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey(tenant)) ?? "[]");
    return stored.filter(
      (/** @type {View} */ { name, address }) => typeof name === "string" && String(address).startsWith("#/jobs"),
    );
  } catch {
    return [];
  }
}

/**
 * Built-in and saved views. A view is an address, so it can be shared. The browser stores the views that a user saves.
 * @param {{ filter: import("../route.js").JobFilter }} props
 */
export function Views({ filter }) {
  const tenant = caller.value?.tenant ?? "";
  const [views, setViews] = useState(/** @type {View[]} */ ([]));
  useEffect(() => setViews(readViews(tenant)), [tenant]);
  const [isNaming, setNaming] = useState(false);
  const currentAddress = formatRoute({ page: "jobs", filter });
  const presets = PRESETS.map(({ name, filter }) => ({
    name,
    address: formatRoute({ page: "jobs", filter: { ...ALL_JOBS, ...filter } }),
  }));
  const isSaved = [...presets, ...views].some(({ address }) => address === currentAddress);
  /** @param {View[]} next */
  const storeViews = (next) => {
    setViews(next);
    if (next.length > 0) localStorage.setItem(storageKey(tenant), JSON.stringify(next));
    else localStorage.removeItem(storageKey(tenant));
  };
  /** @param {SubmitEvent} event */
  const save = (event) => {
    event.preventDefault();
    const name = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get("name")).trim();
    if (name === "") return;
    storeViews([...views.filter((view) => view.name !== name), { name, address: currentAddress }].slice(-MAX_VIEWS));
    setNaming(false);
  };
  return html`
    <div class="views">
      <nav aria-label="Views">
        ${[...presets, ...views].map(({ name, address }) => html`<a class="chip" href=${address} aria-current=${address === currentAddress ? "true" : undefined}>${name}</a>`)}
      </nav>
      ${
        isNaming
          ? html`
              <form onSubmit=${save}>
                <label><span class="hidden">Name of the view</span><input name="name" required maxlength=${MAX_NAME} placeholder="Name of the view" ref=${focus} /></label>
                <button type="submit">Save</button>
                <button type="button" class="quiet" onClick=${() => setNaming(false)}>Cancel</button>
              </form>
            `
          : // Before the session is loaded, the tenant is unknown, and a saved view would be lost.
            !isSaved &&
            caller.value &&
            html`<button type="button" class="quiet" onClick=${() => setNaming(true)}>Save view</button>`
      }
      ${
        views.some(({ address }) => address === currentAddress) &&
        html`<button type="button" class="quiet" onClick=${() => storeViews(views.filter(({ address }) => address !== currentAddress))}>Delete view</button>`
      }
    </div>
  `;
}

/** @param {HTMLInputElement | null} input */
const focus = (input) => input?.focus();
