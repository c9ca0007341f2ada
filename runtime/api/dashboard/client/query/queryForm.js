import { html } from "htm/preact";
import { useRef, useState } from "preact/hooks";
import { counted } from "../format.js";
import { Failure, Panel } from "../ui/components.js";
import { confirmed } from "../ui/confirm.js";
import { MAX_WAIT_SECONDS, useCheck } from "./check.js";
import { Estimate } from "./estimate.js";
import { ParamField } from "./fields.js";
import { focusInvalid, formValuesOf, groupByField, labelProblem, requestOf } from "./form.js";
import { MoreFields } from "./moreFields.js";
import { useSubmission } from "./submission.js";

/** Delay before showing the problem of a field that lost the focus. */
const PROBLEM_DELAY_MS = 250;

/** @typedef {import("./query.js").JobId} JobId */

/**
 * Form of a named query or statement. The API validates it while it is edited; a field shows its problem after losing
 * the focus.
 * @param {{ query: import("./form.js").Query, earlier: import("../types.ts").Job | undefined, onSubmitted: (id: JobId) =>
 * void }} props
 */
export function QueryForm({ query, earlier, onSubmitted }) {
  const [typed, setTyped] = useState(() => formValuesOf(query, earlier));
  const [touched, setTouched] = useState(
    /** @type {ReadonlySet<string>} */ (new Set(earlier?.error ? query.params.map(({ name }) => name) : [])),
  );
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const body = requestOf(query, typed);
  const isComplete = query.params.every(({ name, required }) => !required || (typed.params[name] ?? "") !== "");
  const check = useCheck(body, touched.size > 0 || isComplete);
  const fields = [...query.params.map(({ name }) => `task.params.${name}`), "requestId", "labels"];
  const submission = useSubmission({
    body,
    check,
    ...(query.kind === "statement"
      ? { confirm: (before) => confirmed(confirmationOf(query, typed.params, before)) }
      : {}),
    onSubmitted(id) {
      onSubmitted(id);
      // Text that was typed meanwhile is kept.
      setTyped((before) => ({ ...before, requestId: before.requestId === typed.requestId ? "" : before.requestId }));
    },
    onRefused(_problems, isChanged) {
      setTouched(new Set(query.params.map(({ name }) => name)));
      if (!isChanged) focusInvalid(form.current);
    },
  });
  const isRefused = submission.problems.length > 0;
  const problems = groupByField(isRefused ? submission.problems : check.problems, fields);
  /** @type {(field: string, name: string) => string | undefined} */
  const problemOf = (field, name) => (isRefused || touched.has(name) ? problems.get(field) : undefined);

  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    if (labelProblem(typed.labels) === undefined) await submission.submit();
    else focusInvalid(form.current);
  };
  /** @param {Partial<import("./form.js").FormValues>} change */
  const change = (change) => setTyped((before) => ({ ...before, ...change }));
  /** @type {(name: string, value: string) => void} */
  const changeParam = (name, value) =>
    setTyped((before) => ({ ...before, params: { ...before.params, [name]: value } }));
  // Delayed, since a message would move the button that is being pressed.
  const onLeave = (/** @type {string} */ name) =>
    setTimeout(
      () => setTouched((before) => (before.has(name) ? before : new Set([...before, name]))),
      PROBLEM_DELAY_MS,
    );
  return html`
    <${Panel} title=${query.name}>
      <p class="dim">${query.description}</p>
      <form ref=${form} onSubmit=${submit} noValidate>
        ${isRefused && problems.get("") && html`<${Failure}>${problems.get("")}<//>`}
        <div class="fields">
          ${query.params.map(
            (param) => html`
              <${ParamField}
                key=${param.name}
                param=${param}
                value=${typed.params[param.name] ?? ""}
                problem=${problemOf(`task.params.${param.name}`, param.name)}
                change=${(/** @type {string} */ value) => changeParam(param.name, value)}
                onLeave=${() => onLeave(param.name)}
              />
            `,
          )}
        </div>
        ${query.columns.length > 0 && html`<${Columns} columns=${query.columns} />`}
        <${MoreFields} typed=${typed} change=${change} problems=${problems} hasFormat=${query.kind === "query"} />
        <div class="actions">
          <button type="submit" class=${query.kind === "query" ? "primary" : "danger"} disabled=${submission.isBusy}>${query.kind === "query" ? "Run" : "Run the statement"}</button>
          <${Estimate} check=${check} note=${submission.note} />
        </div>
      </form>
    <//>
  `;
}

/**
 * Columns of the result with their descriptions.
 * @param {{ columns: import("./form.js").Query["columns"] }} props
 */
const Columns = ({ columns }) => html`
  <details class="more-fields">
    <summary>Columns of the result</summary>
    <dl class="facts">
      ${columns.map(({ name, description }) => html`<div><dt>${name}</dt><dd>${description}</dd></div>`)}
    </dl>
  </details>
`;

/**
 * Returns the confirmation of a statement that changes data.
 * @type {(query: import("./form.js").Query, params: Record<string, string>, before: import("./check.js").PreCheck) =>
 * import("../ui/confirm.js").Question}
 */
const confirmationOf = ({ name, description }, params, { explained: { estimatedRows: rows } = {}, isLate }) => ({
  title: `Run ${name}?`,
  lines: [
    description,
    ...Object.entries(params).map(([param, value]) => `${param}: ${value}`),
    ...(rows === undefined ? [] : [`About ${counted(rows, "row")} will be changed.`]),
    ...(isLate ? [`The number of rows is unknown, since estimating it took more than ${MAX_WAIT_SECONDS} s.`] : []),
    "This cannot be undone.",
  ],
  action: `Run ${name}`,
  isDanger: true,
});
