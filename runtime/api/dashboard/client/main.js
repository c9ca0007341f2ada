import { effect } from "@preact/signals";
import { html, render } from "htm/preact";
import { Audit } from "./audit/audit.js";
import { DeadLetters } from "./deadLetters/deadLetters.js";
import { JobPage } from "./job/job.js";
import { JobsPage } from "./jobs/jobs.js";
import { Rejected } from "./jobs/rejected.js";
import { Load } from "./load/load.js";
import { route } from "./navigation.js";
import { Overview } from "./overview/overview.js";
import { QueryPage } from "./query/query.js";
import { titleOf } from "./route.js";
import { isSignedIn } from "./session.js";
import { TokensPage } from "./tokens/tokens.js";
import { ConfirmDialog } from "./ui/confirm.js";
import { Login } from "./ui/login.js";
import { NotFound } from "./ui/notFound.js";
import { Shell } from "./ui/shell.js";
import { failureMessage, SignedIn, SignIn } from "./ui/signIn.js";
import { UsagePage } from "./usage/usage.js";

function Page() {
  const now = route.value;
  switch (now.page) {
    case "jobs":
      return html`<${JobsPage} filter=${now.filter} />`;
    case "job":
      return html`<${JobPage} key=${`${now.tenant}/${now.requestId}`} tenant=${now.tenant} requestId=${now.requestId} />`;
    case "rejected":
      return html`<${Rejected} key=${now.id} tenant=${now.tenant} id=${now.id} />`;
    case "query":
      return html`<${QueryPage} kind=${now.kind} name=${now.name} again=${now.again} />`;
    case "load":
      return html`<${Load} key=${now.again} again=${now.again} />`;
    case "dead-letters":
      return html`<${DeadLetters} />`;
    case "usage":
      return html`<${UsagePage} month=${now.month} />`;
    case "tokens":
      return html`<${TokensPage} />`;
    case "audit":
      return html`<${Audit} text=${now.text} action=${now.action} />`;
    case "overview":
      return html`<${Overview} range=${now} />`;
    case "not-found":
      return html`<${NotFound} />`;
    default:
      return null;
  }
}

function App() {
  const now = route.value;
  // A link's code replaces an existing session.
  if (now.page === "sign-in") return html`<${SignIn} key=${now.code} code=${now.code} />`;
  if (now.page === "signed-in") return html`<${SignedIn} next=${now.next} />`;
  if (now.page === "sign-in-failed") return html`<${Login} problem=${failureMessage(now.error)} />`;
  if (!isSignedIn.value) return html`<${Login} />`;
  return html`<${Shell} page=${now.page}><${Page} /><//><${ConfirmDialog} />`;
}

effect(() => {
  document.title = titleOf(route.value);
});
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
