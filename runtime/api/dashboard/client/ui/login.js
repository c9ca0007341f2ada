import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { signIn, signInProblem } from "../session.js";
import { Failure, ICON } from "./components.js";

/** @typedef {{ oidc?: { name: string } }} Methods */

/**
 * Sign-in page for a token and, if the platform has one, the identity provider.
 * @param {{ problem?: string }} props `problem`: why the previous sign-in failed
 */
export function Login({ problem = "" }) {
  const [methods, setMethods] = useState(/** @type {Methods} */ ({}));
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [isWrong, setWrong] = useState(false);
  useEffect(() => {
    input.current?.focus();
    fetch("login")
      .then(async (response) => response.ok && setMethods(await response.json()))
      .catch(() => {}); // Without a response, only the form for a token is shown.
  }, []);
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const token = input.current?.value.trim() ?? "";
    if (token === "" || busy) return;
    setBusy(true);
    signInProblem.value = await signIn({ token });
    setBusy(false);
    setWrong(signInProblem.value !== "");
    if (signInProblem.value !== "") input.current?.focus();
    else if (location.hash.startsWith("#/sign")) location.replace("#/");
  };
  const shownProblem = signInProblem.value || problem;
  const next = location.hash.startsWith("#/sign") ? "#/" : location.hash;
  return html`
    <main class="login">
      <form class="panel" onSubmit=${submit}>
        <img src=${ICON} alt="" width="40" height="40" />
        <h1>Rates platform</h1>
        <p class="dim">Jobs, results and the state of the platform.</p>
        ${
          methods.oidc &&
          html`
            <a class="button primary" href=${`login/start?${new URLSearchParams({ next })}`}>Sign in with ${methods.oidc.name}</a>
            <p class="dim small">Or with a token:</p>
          `
        }
        <label for="token">Token</label>
        <input
          id="token"
          ref=${input}
          type="password"
          autocomplete="off"
          spellcheck=${false}
          required
          aria-describedby="token-help"
          aria-invalid=${isWrong}
        />
        ${shownProblem && html`<${Failure}>${shownProblem}<//>`}
        <button type="submit" class="primary" disabled=${busy}>Sign in</button>
        <p id="token-help" class="dim small">
          Without a token, run <code>npx rates dashboard</code>: it prints a link that signs in once. <code>rates token create</code> creates tokens.
        </p>
      </form>
    </main>
  `;
}
