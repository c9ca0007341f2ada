import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { showSignIn, signIn, startSession } from "../session.js";
import { ICON } from "./components.js";

/** Messages for failed sign-ins at the identity provider, by error code; the API's log has the reason. */
const FAILURES = {
  NoAccess:
    "You are signed in at the identity provider, but have no access to this platform. Ask an administrator for access.",
  IdentityProviderUnavailable: "The identity provider does not respond. Try again in a moment, or use a token.",
};

/** @param {string} code */
export const failureMessage = (code) =>
  code === "NoAccess" || code === "IdentityProviderUnavailable"
    ? FAILURES[code]
    : "The sign-in did not complete, or took too long. Sign in again.";

/**
 * Signs in with the code of a sign-in link, then removes it from the address and the browser's history.
 * @param {{ code: string }} props
 */
export function SignIn({ code }) {
  useEffect(() => {
    signIn({ code }).then((problem) => {
      if (problem !== "") showSignIn(problem);
      location.replace("#/");
    });
  }, []);
  return html`<${SigningIn} />`;
}

/**
 * Page after the return from an identity provider; the session cookie is already set.
 * @param {{ next: string }} props
 */
export function SignedIn({ next }) {
  useEffect(() => {
    fetch("session")
      .then(async (response) => (response.ok ? startSession(await response.json()) : showSignIn(failureMessage(""))))
      .catch(() => showSignIn("The API cannot be reached. Try again in a moment."))
      .finally(() => location.replace(next));
  }, []);
  return html`<${SigningIn} />`;
}

const SigningIn = () => html`
  <main class="login">
    <div class="panel">
      <img src=${ICON} alt="" width="40" height="40" />
      <h1>Rates platform</h1>
      <p role="status">Signing in …</p>
    </div>
  </main>
`;
