import { html } from "htm/preact";
import { bytes, count } from "../format.js";
import { requestJson } from "../http.js";
import { replaceRoute } from "../navigation.js";
import { usePolled } from "../polling.js";
import { jobsAddress } from "../route.js";
import { isAdmin, missingScope } from "../session.js";
import { Empty, MissingScope, Panel, StackedTable } from "../ui/components.js";
import { Live, LostContact } from "../ui/contact.js";
import { currentMonth, hours, monthAfter, sumOf, usd } from "./months.js";

/** @typedef {import("../types.ts").UsageMonth} UsageMonth */
/** @typedef {import("../types.ts").TenantUsage} TenantUsage */

/** Slow, since jobs are counted within minutes of their end. */
const POLL_MS = 30_000;
/** Columns of the table, with the text of a tenant's cell. @type {[name: string, cell: (usage: TenantUsage) => string][]} */
const COLUMNS = [
  ["Succeeded", ({ succeeded }) => count(succeeded)],
  ["Failed", ({ failed }) => count(failed)],
  ["Cancelled", ({ cancelled }) => count(cancelled)],
  ["Rows", ({ rows }) => count(rows)],
  ["Bytes", (usage) => bytes(usage.bytes)],
  ["Glue", ({ glueSeconds }) => hours(glueSeconds)],
  ["EC2", ({ ec2Seconds }) => hours(ec2Seconds)],
];
/** @type {typeof COLUMNS[number]} */
const COST = ["USD", ({ estimatedUsd }) => usd(estimatedUsd)];

/** Jobs, rows, run time and estimated cost of a month, by tenant. @param {{ month: string }} props */
export function UsagePage({ month }) {
  const missing = missingScope(["read"]);
  return html`
    <div class="page-head"><h1 tabindex="-1">Usage</h1></div>
    ${missing ? html`<${MissingScope} scope=${missing} />` : html`<${Usage} month=${month} />`}
  `;
}

/** @param {{ month: string }} props */
function Usage({ month }) {
  const path = month === "" ? "usage" : `usage?${new URLSearchParams({ month })}`;
  const polled = usePolled(
    path,
    (signal) => /** @type {Promise<UsageMonth>} */ (requestJson(path, { signal })),
    POLL_MS,
  );
  const { data, error, contactAt } = polled;
  const shownMonth = month || data?.month || currentMonth();
  /** @param {string} next */
  const show = (next) => replaceRoute({ page: "usage", month: next === currentMonth() ? "" : next });
  return html`
    ${error && html`<${LostContact} error=${error} contactAt=${contactAt} />`}
    <${Panel} title=${isAdmin.value ? "All tenants" : "Your tenant"}>
      <p class="dim">Jobs that ended in the month, with their rows and run time. Jobs are counted within minutes of their end.</p>
      <div class="filters" role="group" aria-label="Month">
        <button type="button" onClick=${() => show(monthAfter(shownMonth, -1))}>Previous month</button>
        <label>
          <span class="hidden">Month (UTC)</span>
          <input
            type="month"
            value=${shownMonth}
            max=${currentMonth()}
            placeholder="YYYY-MM"
            onChange=${(/** @type {Event} */ { currentTarget }) => {
              const { value } = /** @type {HTMLInputElement} */ (currentTarget);
              if (value !== "") show(value);
            }}
          />
        </label>
        <button type="button" disabled=${shownMonth >= currentMonth()} onClick=${() => show(monthAfter(shownMonth, 1))}>Next month</button>
      </div>
      ${data ? html`<${Live} polled=${polled}><${Month} usage=${data} /><//>` : html`<${Empty}>${error ? "No data" : "…"}<//>`}
    <//>
  `;
}

/** @param {{ usage: UsageMonth }} props */
function Month({ usage: { month, tenants, furtherTenants } }) {
  if (tenants.length === 0) return html`<${Empty}>No jobs ended in ${month}.<//>`;
  const hasCost = tenants.some(({ estimatedUsd }) => estimatedUsd !== undefined);
  const columns = hasCost ? [...COLUMNS, COST] : COLUMNS;
  const head = ["Tenant", ...columns.map(([name]) => name)];
  return html`
    <${StackedTable} label=${`Usage in ${month}`} head=${head} numeric=${columns.map((_, index) => 1 + index)}>
      ${tenants.map((usage) => html`<${Row} key=${usage.tenant} usage=${usage} columns=${columns} name=${html`<a href=${jobsAddress({ tenant: usage.tenant })}>${usage.tenant}</a>`} />`)}
      ${tenants.length > 1 && html`<${Row} usage=${sumOf(tenants)} columns=${columns} name=${html`<strong>Total</strong>`} />`}
    <//>
    ${furtherTenants && html`<p class="dim small">Only the ${count(tenants.length)} tenants with the most run time are listed.</p>`}
    <p class="dim small">
      ${hasCost ? "USD: run time at the list prices of eu-central-1, without idle time, storage and traffic." : "This platform has no prices, so no cost is estimated."}
    </p>
  `;
}

/** @param {{ usage: TenantUsage, columns: typeof COLUMNS, name: unknown }} props */
const Row = ({ usage, columns, name }) => html`
  <tr role="row">
    <td role="cell" class="long" data-label="Tenant">${name}</td>
    ${columns.map(([label, cell]) => html`<td role="cell" class="number" data-label=${label}>${cell(usage)}</td>`)}
  </tr>
`;
