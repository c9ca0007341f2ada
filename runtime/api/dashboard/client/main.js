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
  const current = route.value;
  switch (current.page) {
    case "jobs":
      return html`<${JobsPage} filter=${current.filter} />`;
    case "job":
      return html`<${JobPage} key=${`${current.tenant}/${current.requestId}`} tenant=${current.tenant} requestId=${current.requestId} />`;
    case "rejected":
      return html`<${Rejected} key=${current.id} tenant=${current.tenant} id=${current.id} />`;
    case "query":
      return html`<${QueryPage} kind=${current.kind} name=${current.name} again=${current.again} />`;
    case "load":
      return html`<${Load} key=${current.again} again=${current.again} />`;
    case "dead-letters":
      return html`<${DeadLetters} />`;
    case "usage":
      return html`<${UsagePage} month=${current.month} />`;
    case "tokens":
      return html`<${TokensPage} />`;
    case "audit":
      return html`<${Audit} text=${current.text} action=${current.action} />`;
    case "overview":
      return html`<${Overview} range=${current} />`;
    case "not-found":
      return html`<${NotFound} />`;
    default:
      return null;
  }
}

function App() {
  const current = route.value;
  // The code of a sign-in link replaces an existing session.
  if (current.page === "sign-in") return html`<${SignIn} key=${current.code} code=${current.code} />`;
  if (current.page === "signed-in") return html`<${SignedIn} next=${current.next} />`;
  if (current.page === "sign-in-failed") return html`<${Login} problem=${failureMessage(current.error)} />`;
  if (!isSignedIn.value) return html`<${Login} />`;
  return html`<${Shell} page=${current.page}><${Page} /><//><${ConfirmDialog} />`;
}

effect(() => {
  document.title = titleOf(route.value);
});
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
