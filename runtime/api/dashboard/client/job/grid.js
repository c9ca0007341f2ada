import { html } from "htm/preact";
import { useMemo, useState } from "preact/hooks";
import { count, counted } from "../format.js";
import { decimalsOf, isNumeric, numberText, sorted } from "./cells.js";

const PAGE_SIZES = [20, 50, 100];

/**
 * Rows of a result in pages, with sortable columns. Numbers are aligned and have separators; a tooltip has the exact value.
 * @param {{ preview: import("../types.ts").Preview }} props
 */
export function Grid({ preview: { columns, rows, more } }) {
  const [sort, setSort] = useState(/** @type {{ column: number, isDescending: boolean } | undefined} */ (undefined));
  const [size, setSize] = useState(PAGE_SIZES[0] ?? 20);
  const [page, setPage] = useState(0);
  const [copyMessage, setCopyMessage] = useState("");
  const numberFormats = useMemo(
    () =>
      columns.map((_, index) => {
        const values = rows.map((row) => row[index] ?? null);
        return isNumeric(values) ? { decimals: decimalsOf(values) } : undefined;
      }),
    [columns, rows],
  );
  const ordered = useMemo(
    () => sorted(rows, sort, (column) => numberFormats[column] !== undefined),
    [rows, sort, numberFormats],
  );
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const first = Math.min(page, pages - 1) * size;
  const shown = ordered.slice(first, first + size);
  /** @param {number} column */
  const sortBy = (column) => {
    setPage(0);
    setSort(
      sort?.column !== column
        ? { column, isDescending: false }
        : sort.isDescending
          ? undefined
          : { column, isDescending: true },
    );
  };
  const copy = async () => {
    const lines = [columns, ...ordered].map((row) =>
      row.map((cell) => (cell ?? "").replace(/[\t\r\n]/g, " ")).join("\t"),
    );
    await navigator.clipboard.writeText(lines.join("\n")).then(
      () => setCopyMessage(`Copied ${counted(ordered.length, "row")}.`),
      () => setCopyMessage("The browser does not allow copying."),
    );
  };
  return html`
    <div class="scroll grid-scroll" role="group" aria-label="Result" tabindex="0">
      <table class="grid">
        <thead>
          <tr>
            <th scope="col" class="number row-number"><span class="hidden">Row</span></th>
            ${columns.map((name, column) => {
              const isSorted = sort?.column === column;
              return html`
                <th scope="col" class=${numberFormats[column] ? "number" : ""} aria-sort=${isSorted ? (sort.isDescending ? "descending" : "ascending") : undefined}>
                  <button type="button" class="link sort" onClick=${() => sortBy(column)}>${name}<span aria-hidden="true">${isSorted ? (sort.isDescending ? " ↓" : " ↑") : ""}</span></button>
                </th>
              `;
            })}
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            (row, index) => html`
              <tr>
                <td class="number row-number dim">${count(first + index + 1)}</td>
                ${row.map((value, column) => {
                  const format = numberFormats[column];
                  if (value === null)
                    return html`<td class=${format ? "number" : ""}><span class="dim">null</span></td>`;
                  return html`<td class=${`value ${format ? "number" : ""}`} title=${value}>${format ? numberText(value, format.decimals) : value}</td>`;
                })}
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
    <div class="pager">
      <span role="status">Rows ${count(first + 1)}–${count(first + shown.length)} of ${count(rows.length)}${more && " shown here; download the result for all"}</span>
      ${
        rows.length > (PAGE_SIZES[0] ?? 0) &&
        html`
          <label>
            <span class="hidden">Rows per page</span>
            <select value=${String(size)} onChange=${(/** @type {Event} */ { currentTarget }) => setSize(Number(/** @type {HTMLSelectElement} */ (currentTarget).value))}>
              ${PAGE_SIZES.map((rowsPerPage) => html`<option value=${String(rowsPerPage)}>${rowsPerPage} per page</option>`)}
            </select>
          </label>
          <button type="button" disabled=${first === 0} onClick=${() => setPage(first / size - 1)}>Previous</button>
          <button type="button" disabled=${first + size >= rows.length} onClick=${() => setPage(first / size + 1)}>Next</button>
        `
      }
      <button type="button" class="quiet" onClick=${copy}>Copy rows</button>
      <span class="dim small" role="status">${copyMessage}</span>
    </div>
  `;
}
