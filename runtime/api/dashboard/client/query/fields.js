import { html } from "htm/preact";
import { Message } from "../ui/message.js";
import { FIELDS, isPlace, placeholderOf } from "./form.js";
import { PlaceInput } from "./places.js";

/** Formats a problem as a sentence about its field. @type {(name: string, message: string) => string} */
export const sentenceOf = (name, message) => (/^[A-Z]/.test(message) ? message : `${name} ${message}`);

/**
 * Labelled field with its help and problem.
 * @param {{ id: string, name: string, help?: unknown, problem?: string | undefined, required?: boolean, children: (attributes: object) => unknown }} props
 */
export function Field({ id, name, help, problem, required = false, children }) {
  const describedBy = [help ? `${id}-help` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return html`
    <div class="field">
      <label for=${id}>${name}${!required && html` <span class="dim small">optional</span>`}</label>
      ${children({ id, required, ...(problem ? { "aria-invalid": true } : {}), ...(describedBy ? { "aria-describedby": describedBy } : {}) })}
      ${help && html`<p id=${`${id}-help`} class="dim small">${help}</p>`}
      ${problem && html`<p id=${`${id}-problem`} class="bad-text small"><${Message} text=${sentenceOf(name, problem)} /></p>`}
    </div>
  `;
}

/**
 * Field of a parameter.
 * @param {{ param: import("./form.js").Param, value: string, problem: string | undefined, change: (value: string) => void, onLeave: () => void }} props
 */
export function ParamField({ param, value, problem, change, onLeave }) {
  const { name, type, description, required } = param;
  const { input, hint, ...inputAttributes } = FIELDS[type];
  /** @param {Event} event */
  const onTyped = (event) => change(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  const help = `${description}${hint ? ` (${hint})` : ""}`;
  // The field's help already contains the description.
  const shown = problem?.replace(`is missing: ${description}.`, "is missing.");
  const placeholder = placeholderOf(param);
  return html`
    <${Field} id=${`param-${name}`} name=${name} help=${help} problem=${shown} required=${required}>
      ${(/** @type {object} */ attributes) => {
        if (isPlace(param))
          return html`<${PlaceInput} attributes=${attributes} value=${value} placeholder=${placeholder || "Code or name"} change=${change} onLeave=${onLeave} />`;
        if (input === "choice")
          return html`
            <select ...${attributes} value=${value} onChange=${onTyped} onBlur=${onLeave}>
              <option value="">${required ? "Choose …" : placeholder}</option>
              <option value="true">true</option>
              <option value="false">false</option>
            </select>
          `;
        if (input === "textarea")
          return html`<textarea ...${attributes} rows="3" value=${value} placeholder=${placeholder} onInput=${onTyped} onBlur=${onLeave}></textarea>`;
        return html`
          <input
            ...${attributes}
            ...${inputAttributes}
            value=${value}
            placeholder=${placeholder}
            autocomplete="off"
            spellcheck=${false}
            onInput=${onTyped}
            onBlur=${onLeave}
          />
        `;
      }}
    <//>
  `;
}
