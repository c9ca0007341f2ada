import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { requestJson } from "../http.js";
import { problemsOf } from "../query/check.js";
import { Field, sentenceOf } from "../query/fields.js";
import { focusInvalid, groupByField } from "../query/form.js";
import { caller } from "../session.js";
import { Failure, Panel } from "../ui/components.js";

/** @typedef {import("../../../../contract/scopes.ts").Scope} Scope */
/** @typedef {{ id: string, token: string }} Created */

/** Scopes with a description. @type {Record<Scope, string>} */
const SCOPES = {
  read: "see jobs and results",
  submit: "submit reads",
  update: "submit updates, together with submit",
  cancel: "cancel jobs",
  admin: "everything, of every tenant",
};
const FIELDS = ["name", "tenant", "expiresAt", "scopes"];
const EMPTY = { name: "", expiresOn: "", scopes: /** @type {Scope[]} */ (["read"]) };

/** Form that creates a token, and shows it once. @param {{ onCreated: () => void }} props */
export function CreateToken({ onCreated }) {
  const [typed, setTyped] = useState({ ...EMPTY, tenant: /** @type {string | undefined} */ (undefined) });
  const [problems, setProblems] = useState(/** @type {import("../query/check.js").Problem[]} */ ([]));
  const [isBusy, setBusy] = useState(false);
  const [created, setCreated] = useState(/** @type {(Created & { tenant: string }) | undefined} */ (undefined));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  // The caller's tenant is known once the session is loaded.
  const { name, tenant = caller.value?.tenant ?? "", expiresOn, scopes } = typed;
  /** @param {Partial<typeof typed>} change */
  const change = (change) => {
    setTyped((before) => ({ ...before, ...change }));
    setProblems([]);
  };
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setProblems([]);
    const body = { name, tenant, scopes, ...(expiresOn === "" ? {} : { expiresAt: `${expiresOn}T00:00:00.000Z` }) };
    try {
      /** @type {Created} */
      const token = await requestJson("tokens", { method: "POST", body });
      setCreated({ ...token, tenant });
      setTyped((before) => ({ ...before, ...EMPTY }));
      onCreated();
    } catch (thrown) {
      setProblems(problemsOf(thrown));
      focusInvalid(form.current);
    }
    setBusy(false);
  };
  const problemTexts = groupByField(problems, FIELDS);
  const values = { name, tenant, expiresOn };
  /** @type {(name: keyof typeof values, inputAttributes?: object) => (attributes: object) => unknown} */
  const input =
    (field, inputAttributes = {}) =>
    (attributes) =>
      html`
    <input
      ...${attributes}
      ...${inputAttributes}
      value=${values[field]}
      autocomplete="off"
      spellcheck=${false}
      onInput=${(/** @type {InputEvent} */ { currentTarget }) => change({ [field]: /** @type {HTMLInputElement} */ (currentTarget).value })}
    />
  `;
  const scopesProblem = problemTexts.get("scopes");
  return html`
    <${Panel} title="Create a token">
      ${created && html`<${Secret} created=${created} close=${() => setCreated(undefined)} />`}
      <form ref=${form} onSubmit=${submit} noValidate>
        ${problemTexts.get("") && html`<${Failure}>${problemTexts.get("")}<//>`}
        <div class="fields">
          <${Field} id="token-name" name="Name" required help="Its purpose, for example the service that uses it." problem=${problemTexts.get("name")}>
            ${input("name", { type: "text", maxlength: 100 })}
          <//>
          <${Field} id="token-tenant" name="Tenant" required help="The token sees only this tenant's jobs, unless it has the scope admin." problem=${problemTexts.get("tenant")}>
            ${input("tenant", { type: "text" })}
          <//>
          <${Field} id="token-expires" name="Expires" help="First day on which the token is no longer accepted (UTC)." problem=${problemTexts.get("expiresAt")}>
            ${input("expiresOn", { type: "date" })}
          <//>
        </div>
        <fieldset class="scopes" aria-describedby=${scopesProblem ? "scopes-problem" : undefined}>
          <legend>Scopes</legend>
          ${Object.entries(SCOPES).map(
            ([scope, description], index) => html`
              <label class="tick">
                <input
                  type="checkbox"
                  checked=${scopes.some((selected) => selected === scope)}
                  ...${scopesProblem && index === 0 ? { "aria-invalid": true } : {}}
                  onChange=${() => change({ scopes: toggled(scopes, /** @type {Scope} */ (scope)) })}
                />
                <span>${scope} <span class="dim small">${description}</span></span>
              </label>
            `,
          )}
          ${scopesProblem && html`<p id="scopes-problem" class="bad-text small">${sentenceOf("Scopes", scopesProblem)}</p>`}
        </fieldset>
        <div class="actions"><button type="submit" class="primary" disabled=${isBusy}>Create token</button></div>
      </form>
    <//>
  `;
}

/** Adds or removes a scope; the scopes keep their order. @type {(scopes: Scope[], scope: Scope) => Scope[]} */
const toggled = (scopes, scope) =>
  /** @type {Scope[]} */ (Object.keys(SCOPES)).filter((each) => scopes.includes(each) !== (each === scope));

/**
 * A new token, which is not shown again.
 * @param {{ created: Created & { tenant: string }, close: () => void }} props
 */
function Secret({ created: { id, token, tenant }, close }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [message, setMessage] = useState("");
  useEffect(() => {
    setMessage("");
    field.current?.focus();
    field.current?.select();
  }, [id]);
  const copy = async () => {
    // Pages without TLS have no clipboard; the selected text can be copied by keyboard.
    const isCopied = await navigator.clipboard?.writeText(token).then(
      () => true,
      () => false,
    );
    field.current?.select();
    setMessage(isCopied ? "Copied." : "The browser does not allow copying. Press Ctrl C.");
  };
  return html`
    <div class="secret" role="group" aria-label="New token">
      <label for="new-token">Token ${id} for ${tenant}. Copy it now: it is not shown again.</label>
      <input id="new-token" ref=${field} readonly value=${token} autocomplete="off" spellcheck=${false} onFocus=${() => field.current?.select()} />
      <div class="actions">
        <button type="button" onClick=${copy}>Copy</button>
        <button type="button" onClick=${close}>Done</button>
        <span role="status" class="dim small">${message}</span>
      </div>
    </div>
  `;
}
