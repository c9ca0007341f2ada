import { html } from "htm/preact";
import { FIELDS, placeholderOf } from "./form.js";

/** A labelled field with its help and what is wrong with it.
 * @param {{ id: string, name: string, help?: unknown, problem?: string | undefined, required?: boolean, children: (attributes: object) => unknown }} props */
export function Field({ id, name, help, problem, required = false, children }) {
  const described = [help ? `${id}-help` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return html`
    <div class="field">
      <label for=${id}>${name}${!required && html` <span class="dim small">optional</span>`}</label>
      ${children({ id, required, ...(problem ? { "aria-invalid": true } : {}), ...(described ? { "aria-describedby": described } : {}) })}
      ${help && html`<p id=${`${id}-help`} class="dim small">${help}</p>`}
      ${problem && html`<p id=${`${id}-problem`} class="bad-text small">This ${problem}</p>`}
    </div>
  `;
}

/** The field of a parameter.
 * @param {{ param: import("./form.js").Param, value: string, problem: string | undefined, change: (value: string) => void }} props */
export function ParamField({ param, value, problem, change }) {
  const { name, type, description, required } = param;
  const { input, hint, ...attributes } = FIELDS[type];
  /** @param {Event} event */
  const typed = (event) => change(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  const help = `${description}${hint ? ` (${hint})` : ""}`;
  return html`
    <${Field} id=${`param-${name}`} name=${name} help=${help} problem=${problem} required=${required}>
      ${(/** @type {object} */ given) =>
        input === "choice"
          ? html`<select ...${given} value=${value} onChange=${typed}>
              <option value="">${required ? "Choose …" : placeholderOf(param)}</option>
              <option value="true">true</option>
              <option value="false">false</option>
            </select>`
          : input === "textarea"
            ? html`<textarea ...${given} rows="3" value=${value} placeholder=${placeholderOf(param)} onInput=${typed}></textarea>`
            : html`<input
                ...${given}
                ...${attributes}
                value=${value}
                placeholder=${placeholderOf(param)}
                autocomplete="off"
                spellcheck=${false}
                onInput=${typed}
              />`}
    <//>
  `;
}
