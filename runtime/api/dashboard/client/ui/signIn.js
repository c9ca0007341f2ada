import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { leave, signIn } from "../session.js";
import { ICON } from "./parts.js";

/** Signs in by the code of a link, which then leaves the address and the browser's history. @param {{ code: string }} props */
export function SignIn({ code }) {
  useEffect(() => {
    signIn({ code }).then((problem) => {
      if (problem !== "") leave(problem);
      location.replace("#/");
    });
  }, []);
  return html`
    <main class="login">
      <div class="panel">
        <img src=${ICON} alt="" width="40" height="40" />
        <h1>Rates platform</h1>
        <p role="status">Signing in …</p>
      </div>
    </main>
  `;
}
