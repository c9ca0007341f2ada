import { html } from "htm/preact";
import { counted } from "../format.js";
import { formatSql } from "./sql.js";

/** Labels of a source's fields other than its location. @type {Record<string, string>} */
const SOURCE_FIELDS = { version: "Version", etag: "ETag" };

/** Task of a job, by type. @param {{ job: import("../types.ts").Job }} props */
export function Task({ job: { task } }) {
  if (task.sql !== undefined) return html`<pre tabindex="0" class="sql" aria-label="SQL">${formatSql(task.sql)}</pre>`;
  const { params = {}, source } = task;
  /** @type {[string, unknown][]} */
  const facts =
    task.target === undefined
      ? Object.entries(params).toSorted(([a], [b]) => (a < b ? -1 : 1))
      : [
          ["Target", task.target],
          ["Mode", task.mode ?? "append"],
          ["Dry run", task.dryRun ? "yes, nothing is changed" : "no"],
          ...Object.entries(source ?? {}).map(
            ([kind, value]) =>
              /** @type {[string, unknown]} */ ([
                SOURCE_FIELDS[kind] ?? "Source",
                kind === "inline" ? `${counted(Number(value), "row")} in the request` : String(value),
              ]),
          ),
        ];
  const output = /** @type {[string, unknown][]} */ (
    [
      ["Format", task.format],
      ["Compression", task.compression],
    ].filter(([, value]) => value !== undefined)
  );
  return html`
    <dl class="facts">
      ${[...facts, ...output].map(([name, value]) => html`<div><dt>${name}</dt><dd>${textOf(value)}</dd></div>`)}
      ${facts.length === 0 && html`<div><dt>Parameters</dt><dd>none, all defaults</dd></div>`}
    </dl>
  `;
}

/** @param {unknown} value */
const textOf = (value) => (typeof value === "string" ? value : JSON.stringify(value));
