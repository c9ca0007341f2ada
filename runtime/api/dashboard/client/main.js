import { effect, signal } from "@preact/signals";
import { html, render } from "htm/preact";
import { Audit } from "./audit/audit.js";
import { JobPage } from "./job/job.js";
import { Letters } from "./letters/letters.js";
import { Overview } from "./overview/overview.js";
import { formatRoute, isSamePage, parseRoute, titleOf } from "./route.js";
import { isSignedIn } from "./session.js";
import { Submit } from "./submit/submit.js";
import { Login } from "./ui/login.js";
import { Shell } from "./ui/shell.js";
import { SignedIn, SignIn, wordsOfFailure } from "./ui/signIn.js";

const route = signal(parseRoute(location.hash));
addEventListener("hashchange", () => {
  const before = route.value;
  route.value = parseRoute(location.hash);
  // Another page begins at its top, and a screen reader at its heading.
  if (isSamePage(before, route.value)) return;
  scrollTo(0, 0);
  requestAnimationFrame(() => document.querySelector("h1")?.focus());
});

/** Changes what the overview shows; not a step for the browser's back button.
 * @param {Partial<Extract<import("./route.js").Route, { page: "overview" }>>} change */
function refine(change) {
  if (route.value.page !== "overview") return;
  route.value = { ...route.value, ...change };
  history.replaceState(null, "", formatRoute(route.value));
}

function Page() {
  const now = route.value;
  switch (now.page) {
    case "job":
      return html`<${JobPage} key=${`${now.tenant}/${now.requestId}`} tenant=${now.tenant} requestId=${now.requestId} />`;
    case "submit":
      return html`<${Submit} kind=${now.kind} name=${now.name} />`;
    case "letters":
      return html`<${Letters} />`;
    case "audit":
      return html`<${Audit} />`;
    default:
      return html`<${Overview} filter=${now} refine=${refine} />`;
  }
}

function App() {
  const now = route.value;
  // The code of a link counts whoever is signed in.
  if (now.page === "sign-in") return html`<${SignIn} key=${now.code} code=${now.code} />`;
  if (now.page === "signed-in") return html`<${SignedIn} next=${now.next} />`;
  if (now.page === "sign-in-failed") return html`<${Login} problem=${wordsOfFailure(now.error)} />`;
  if (!isSignedIn.value) return html`<${Login} />`;
  return html`<${Shell} page=${route.value.page}><${Page} /><//>`;
}

effect(() => {
  document.title = titleOf(route.value);
});
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
