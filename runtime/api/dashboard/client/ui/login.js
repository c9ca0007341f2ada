import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { refusal, signIn } from "../session.js";
import { ICON } from "./parts.js";

/** Asks for the token, once a tab. */
export function Login() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => input.current?.focus(), []);
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const given = input.current?.value.trim() ?? "";
    if (given !== "") signIn(given);
  };
  const refused = refusal.value;
  return html`
    <main class="login">
      <form class="panel" onSubmit=${submit}>
        <img src=${ICON} alt="" width="40" height="40" />
        <h1>Rates platform</h1>
        <p class="dim">Live view of its jobs. It takes an API token that may read.</p>
        <label for="token">Token</label>
        <input
          id="token"
          ref=${input}
          type="password"
          autocomplete="off"
          spellcheck=${false}
          required
          aria-describedby="token-help"
          aria-invalid=${refused !== ""}
        />
        ${refused && html`<p class="failure" role="alert">${refused}</p>`}
        <button type="submit" class="primary">Open</button>
        <p id="token-help" class="dim small">
          <code>npm start</code> writes one to <code>.local/platform.json</code>; <code>rates token create</code> makes
          others. It is kept in this tab and forgotten with it.
        </p>
      </form>
    </main>
  `;
}
