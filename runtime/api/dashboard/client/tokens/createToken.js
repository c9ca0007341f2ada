import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../http.js";
import { problemsOf } from "../query/check.js";
import { Field, sentenceOf } from "../query/fields.js";
import { byField, focusInvalid } from "../query/form.js";
import { caller } from "../session.js";
import { Failure, Panel } from "../ui/parts.js";

/** @typedef {import("../../../../contract/scopes.ts").Scope} Scope */
/** @typedef {{ id: string, token: string }} Created */

/** Scopes with a description. @type {Record<Scope, string>} */
const SCOPES = {
  read: "see jobs and results",
  submit: "submit reads",
  update: "with submit: change prices",
  cancel: "cancel jobs",
  admin: "everything, of every tenant",
};
const FIELDS = ["name", "tenant", "expiresAt", "scopes"];
const EMPTY = { name: "", expiresOn: "", scopes: /** @type {Scope[]} */ (["read"]) };

/** Form that creates a token, and shows it once. @param {{ created: () => void }} props */
export function CreateToken({ created }) {
  const [typed, setTyped] = useState({ ...EMPTY, tenant: /** @type {string | undefined} */ (undefined) });
  const [problems, setProblems] = useState(/** @type {import("../query/check.js").Problem[]} */ ([]));
  const [isBusy, setBusy] = useState(false);
  const [made, setMade] = useState(/** @type {(Created & { tenant: string }) | undefined} */ (undefined));
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
      const answer = await ask("tokens", { method: "POST", body });
      setMade({ ...answer, tenant });
      setTyped((before) => ({ ...before, ...EMPTY }));
      created();
    } catch (thrown) {
      setProblems(problemsOf(thrown));
      focusInvalid(form.current);
    }
    setBusy(false);
  };
  const found = byField(problems, FIELDS);
  const values = { name, tenant, expiresOn };
  /** @type {(name: keyof typeof values, attributes?: object) => (given: object) => unknown} */
  const input =
    (field, attributes = {}) =>
    (given) =>
      html`
    <input
      ...${given}
      ...${attributes}
      value=${values[field]}
      autocomplete="off"
      spellcheck=${false}
      onInput=${(/** @type {InputEvent} */ { currentTarget }) => change({ [field]: /** @type {HTMLInputElement} */ (currentTarget).value })}
    />
  `;
  const wrong = found.get("scopes");
  return html`
    <${Panel} title="Create a token">
      ${made && html`<${Secret} made=${made} close=${() => setMade(undefined)} />`}
      <form ref=${form} onSubmit=${submit} noValidate>
        ${found.get("") && html`<${Failure}>${found.get("")}<//>`}
        <div class="fields">
          <${Field} id="token-name" name="Name" required help="Its purpose, for example the service that uses it." problem=${found.get("name")}>
            ${input("name", { type: "text", maxlength: 100 })}
          <//>
          <${Field} id="token-tenant" name="Tenant" required help="It sees only this tenant's jobs, unless it is an admin's." problem=${found.get("tenant")}>
            ${input("tenant", { type: "text" })}
          <//>
          <${Field} id="token-expires" name="Expires" help="Day on which it is no longer accepted (UTC)." problem=${found.get("expiresAt")}>
            ${input("expiresOn", { type: "date" })}
          <//>
        </div>
        <fieldset class="scopes" aria-describedby=${wrong ? "scopes-problem" : undefined}>
          <legend>Scopes</legend>
          ${Object.entries(SCOPES).map(
            ([scope, words], index) => html`
              <label class="tick">
                <input
                  type="checkbox"
                  checked=${scopes.some((one) => one === scope)}
                  ...${wrong && index === 0 ? { "aria-invalid": true } : {}}
                  onChange=${() => change({ scopes: toggled(scopes, /** @type {Scope} */ (scope)) })}
                />
                <span>${scope} <span class="dim small">${words}</span></span>
              </label>
            `,
          )}
          ${wrong && html`<p id="scopes-problem" class="bad-text small">${sentenceOf("Scopes", wrong)}</p>`}
        </fieldset>
        <div class="actions"><button type="submit" class="primary" disabled=${isBusy}>Create token</button></div>
      </form>
    <//>
  `;
}

/** Adds or removes a scope; they stay in their order. @type {(scopes: Scope[], scope: Scope) => Scope[]} */
const toggled = (scopes, scope) =>
  /** @type {Scope[]} */ (Object.keys(SCOPES)).filter((one) => scopes.includes(one) !== (one === scope));

/**
 * A new token, which is not shown again.
 * @param {{ made: Created & { tenant: string }, close: () => void }} props
 */
function Secret({ made: { id, token, tenant }, close }) {
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
