import { html } from "htm/preact";
import { useRef, useState } from "preact/hooks";
import { Failure, Panel } from "../ui/components.js";
import { useCheck } from "./check.js";
import { Estimate } from "./estimate.js";
import { sentenceOf } from "./fields.js";
import { commonFieldsOf, commonValuesOf, focusInvalid, groupByField, labelProblem } from "./form.js";
import { MoreFields } from "./moreFields.js";
import { offsetOf, positionOf } from "./position.js";
import { useSubmission } from "./submission.js";

/** @typedef {import("./query.js").JobId} JobId */

/**
 * Editor for one SELECT, with the tables that it can read. The API validates and estimates it while it is edited.
 * @param {{ tables: import("../types.ts").Catalogue["tables"], earlier: import("../types.ts").Job | undefined, onSubmitted: (id: JobId) => void }} props
 */
export function SqlForm({ tables, earlier, onSubmitted }) {
  const [sql, setSql] = useState(earlier?.task.sql ?? "");
  const [typed, setTyped] = useState(() => commonValuesOf(earlier));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const editor = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const task = { type: "read", sql, format: typed.format, compression: typed.compression };
  const body = { ...commonFieldsOf(typed), task };
  const check = useCheck(body, sql.trim() !== "");
  const submission = useSubmission({
    body,
    check,
    onSubmitted(id) {
      onSubmitted(id);
      // Text that was typed meanwhile is kept.
      setTyped((before) => ({ ...before, requestId: before.requestId === typed.requestId ? "" : before.requestId }));
    },
    onRefused(refusals, isChanged) {
      if (isChanged) return;
      const isOfSql = refusals.some(({ field = "task.sql" }) => field.startsWith("task"));
      if (isOfSql) select(editor.current, positionOf(refusals.map(({ message }) => message).join(" ")));
      else focusInvalid(form.current);
    },
  });
  const isRefused = submission.problems.length > 0;
  const problems = groupByField(isRefused ? submission.problems : check.problems, ["task.sql", "requestId", "labels"]);
  const problem = problems.get("task.sql") ?? problems.get("");
  const canRun = !submission.isBusy && sql.trim() !== "";
  const run = async () => {
    if (labelProblem(typed.labels) === undefined) await submission.submit();
    else focusInvalid(form.current);
  };
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    return run();
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (canRun) run();
  };
  /** Replaces the selection with a name, or inserts it at the cursor. @param {string} name */
  const insert = (name) => {
    const { selectionStart: start = sql.length, selectionEnd: end = sql.length } = editor.current ?? {};
    setSql(sql.slice(0, start) + name + sql.slice(end));
    requestAnimationFrame(() => {
      editor.current?.focus();
      editor.current?.setSelectionRange(start + name.length, start + name.length);
    });
  };
  return html`
    <${Panel} title="SQL editor">
      <p class="dim">One SELECT over the tables below. It cannot change anything, and runs as a job like any other read.</p>
      <form ref=${form} class="sql-form" onSubmit=${submit} noValidate>
        <div class="field">
          <label for="sql">SQL</label>
          <textarea
            id="sql"
            ref=${editor}
            class="editor"
            rows="10"
            required
            spellcheck=${false}
            autocomplete="off"
            value=${sql}
            placeholder="select day, avg(price) as price from prices where orig_code = 'CNSGH' group by day order by day"
            aria-describedby="sql-help sql-problem"
            aria-invalid=${problem !== undefined}
            onInput=${(/** @type {InputEvent} */ { currentTarget }) => setSql(/** @type {HTMLTextAreaElement} */ (currentTarget).value)}
            onKeyDown=${press}
          ></textarea>
          <p id="sql-help" class="dim small"><kbd>Ctrl</kbd> <kbd>Enter</kbd> runs it.</p>
          <p id="sql-problem" class="bad-text small" role="status">${problem && sentenceOf("SQL", problem)}</p>
        </div>
        <${Tables} tables=${tables} insert=${insert} />
        <${MoreFields} typed=${typed} change=${(/** @type {object} */ change) => setTyped((before) => ({ ...before, ...change }))} problems=${problems} hasFormat />
        ${isRefused && !problem && html`<${Failure}>${submission.problems.map(({ message }) => message).join(" ")}<//>`}
        <div class="actions">
          <button type="submit" class="primary" disabled=${!canRun}>Run</button>
          <${Estimate} check=${check} note=${submission.note} />
        </div>
      </form>
    <//>
  `;
}

/** @param {{ tables: import("../types.ts").Catalogue["tables"], insert: (name: string) => void }} props */
const Tables = ({ tables, insert }) => html`
  <div class="tables" role="group" aria-label="Tables">
    ${tables.map(
      ({ name, columns }) => html`
        <details open=${name === "prices"}>
          <summary>${name}</summary>
          <button type="button" class="link small" onClick=${() => insert(name)}>insert the name</button>
          <ul>
            ${columns.map(
              (column) => html`
                <li>
                  <button type="button" class="link" onClick=${() => insert(column.name)}>${column.name}</button>
                  <span class="dim small">${column.type}</span>
                </li>
              `,
            )}
          </ul>
        </details>
      `,
    )}
  </div>
`;

/**
 * Selects the word at a position; without a position, only focuses the editor.
 * @type {(editor: HTMLTextAreaElement | null, at: ReturnType<typeof positionOf>) => void}
 */
function select(editor, at) {
  if (!editor) return;
  editor.focus();
  if (!at) return;
  const start = offsetOf(editor.value, at);
  editor.setSelectionRange(start, start + (/^\w*/.exec(editor.value.slice(start))?.[0].length ?? 0));
}
