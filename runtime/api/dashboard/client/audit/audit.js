import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { ago, dateTime } from "../format.js";
import { errorMessage, requestJson } from "../http.js";
import { replaceRoute } from "../navigation.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { isAdmin } from "../session.js";
import { Empty, Failure, Panel, StackedTable } from "../ui/components.js";

/** @typedef {{ id: number, at: string, tenant: string, actorId: string, actor: string, via: string, action: import("../../../../store/audit.ts").Action, target: string, detail: Record<string, unknown> }} Entry */
/** @typedef {{ entries: Entry[], next?: number }} Page */

const POLL_MS = 10_000;
const INITIAL_ENTRIES = 50;
const MAX_ENTRIES = 1_000;
/** Maximum number of pages of an export. The command line can export more. */
const EXPORT_PAGES = 20;
/** Labels of actions. @type {Record<import("../../../../store/audit.ts").Action, string>} */
const ACTIONS = {
  submit: "submit",
  cancel: "cancel",
  retry: "retry",
  redrive: "redrive",
  "token.create": "create a token",
  "token.revoke": "revoke a token",
  "sign-in": "sign in",
  "sign-out": "sign out",
};
const JOB_ACTIONS = new Set(["submit", "cancel", "retry"]);
const COLUMNS = /** @type {const} */ (["id", "at", "tenant", "actorId", "actor", "via", "action", "target", "detail"]);

/** @type {(filter: { text: string, action: string }, limit: number, before?: number) => string} */
const auditPath = ({ text, action }, limit, before) => {
  const search = new URLSearchParams({ limit: String(limit) });
  if (text.trim() !== "") search.set("text", text.trim());
  if (action !== "") search.set("action", action);
  if (before !== undefined) search.set("before", String(before));
  return `audit?${search}`;
};

/** Audit trail: actions by API, command line and dashboard. @param {{ text: string, action: string }} props */
export function Audit({ text, action }) {
  const filter = { text, action };
  const refine = (/** @type {Partial<typeof filter>} */ change) =>
    replaceRoute({ page: "audit", ...filter, ...change });
  const [limit, setLimit] = useState(INITIAL_ENTRIES);
  const [problem, setProblem] = useState("");
  const path = auditPath(filter, limit);
  const { data, error, isStale } = usePolled(
    path,
    (signal) => /** @type {Promise<Page>} */ (requestJson(path, { signal })),
    POLL_MS,
  );
  const save = async () => {
    setProblem("");
    try {
      const { lines, isComplete } = await exportLines(filter);
      download(lines.join(""), "audit.csv");
      if (!isComplete)
        setProblem("The file has the newest 20,000 entries. `rates audit --export audit.csv` writes all.");
    } catch (thrown) {
      setProblem(errorMessage(thrown));
    }
  };
  return html`
    <div class="page-head"><h1 tabindex="-1">Audit</h1></div>
    <${Panel} title="Entries" aside=${html`<button type="button" onClick=${save}>Export CSV</button>`}>
      <p class="dim">Submissions, cancellations, retries, redrives, token changes and sign-ins, newest first. Requests from the queue are not included.</p>
      <search class="filters">
        <label class="grow">
          <span class="hidden">Search the audit trail</span>
          <input
            type="search"
            maxlength="200"
            placeholder="Name, job id …"
            value=${text}
            onInput=${(/** @type {InputEvent} */ { currentTarget }) => refine({ text: /** @type {HTMLInputElement} */ (currentTarget).value })}
          />
        </label>
        <label>
          <span class="hidden">Action</span>
          <select value=${action} onChange=${(/** @type {Event} */ { currentTarget }) => refine({ action: /** @type {HTMLSelectElement} */ (currentTarget).value })}>
            <option value="">Any action</option>
            ${Object.entries(ACTIONS).map(([value, label]) => html`<option value=${value}>${label}</option>`)}
          </select>
        </label>
      </search>
      ${(error || problem) && html`<${Failure}>${error || problem}<//>`}
      <div class=${isStale && data ? "stale" : ""} aria-busy=${isStale}>
        ${
          data &&
          (data.entries.length === 0
            ? html`<${Empty}>${text || action ? "No entries match." : "No entries yet. Submissions, cancellations, retries and sign-ins are listed here."}<//>`
            : html`
                <${StackedTable} label="Audit trail" head=${["When", "Who", "Via", "Action", "Target", ...(isAdmin.value ? ["Tenant"] : [])]}>
                  ${data.entries.map((entry) => html`<${Row} key=${entry.id} entry=${entry} />`)}
                <//>
              `)
        }
      </div>
      ${
        data?.next !== undefined &&
        limit < MAX_ENTRIES &&
        html`<button type="button" class="more" onClick=${() => setLimit(Math.min(MAX_ENTRIES, 2 * limit))}>Show more</button>`
      }
    <//>
  `;
}

/** @param {{ entry: Entry }} props */
const Row = ({ entry: { at, actor, actorId, via, action, target, tenant, detail } }) => html`
  <tr role="row">
    <td role="cell" data-label="When" title=${dateTime(at)}>${ago(at)}</td>
    <td role="cell" data-label="Who" title=${`Token or session ${actorId}`}>${actor}</td>
    <td role="cell" data-label="Via">${via}</td>
    <td role="cell" data-label="Action" title=${JSON.stringify(detail)}>${ACTIONS[action] ?? action}</td>
    <td role="cell" class="long" data-label="Target">
      ${JOB_ACTIONS.has(action) ? html`<a href=${formatRoute({ page: "job", tenant, requestId: target })}>${target}</a>` : target}
    </td>
    ${isAdmin.value && html`<td role="cell" data-label="Tenant">${tenant}</td>`}
  </tr>
`;

/** @param {{ text: string, action: string }} filter */
async function exportLines(filter) {
  const lines = [csvLine([...COLUMNS])];
  /** @type {number | undefined} */
  let before;
  for (let page = 0; page < EXPORT_PAGES; page++) {
    /** @type {Page} */
    const { entries, next } = await requestJson(auditPath(filter, MAX_ENTRIES, before));
    for (const entry of entries)
      lines.push(
        csvLine(COLUMNS.map((name) => (name === "detail" ? JSON.stringify(entry.detail) : String(entry[name])))),
      );
    if (next === undefined) return { lines, isComplete: true };
    before = next;
  }
  return { lines, isComplete: false };
}

/**
 * Formats a line of CSV. Cells that a spreadsheet would run as a formula are prefixed with an apostrophe.
 * @param {string[]} cells
 */
export const csvLine = (cells) =>
  `${cells
    .map((cell) => (/^[\s=+\-@\uff1d\uff0b\uff0d\uff20]/.test(cell) ? `'${cell}` : cell))
    .map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(",")}\r\n`;

/** @type {(content: string, name: string) => void} */
function download(content, name) {
  const url = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
