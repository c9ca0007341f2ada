import { html } from "htm/preact";
import { ask } from "../http.js";
import { usePolled } from "../polling.js";
import { formatRoute } from "../route.js";
import { Empty, Failure, Panel } from "../ui/parts.js";
import { QueryForm } from "./queryForm.js";

/** The named queries and statements, and a form of the one that is chosen.
 * @param {{ kind?: "query" | "statement", name?: string }} props */
export function Submit({ kind, name }) {
  const { found, error } = usePolled(
    "queries",
    (signal) => /** @type {Promise<import("../types.ts").Catalogue>} */ (ask("queries", { signal })),
    () => undefined,
  );
  const all = found ? [...found.queries, ...found.statements] : [];
  const chosen = all.find((one) => one.kind === kind && one.name === name);
  return html`
    <div class="page-head"><h1 tabindex="-1">Submit a job</h1></div>
    ${error && html`<${Failure}>${error}<//>`}
    ${
      found &&
      html`
        <div class="submit">
          <nav class="panel choose" aria-label="Named queries">
            <${Group} title="Queries read" list=${found.queries} chosen=${chosen} />
            <${Group} title="Statements change data" list=${found.statements} chosen=${chosen} />
          </nav>
          ${
            chosen
              ? html`<${QueryForm} key=${`${chosen.kind} ${chosen.name}`} query=${chosen} />`
              : html`<${Panel} title="Which one?">
                  <${Empty}>${name ? `There is no ${kind} '${name}' here. ` : ""}Choose what to run; its form stands here then.<//>
                <//>`
          }
        </div>
      `
    }
  `;
}

/** @param {{ title: string, list: import("./form.js").Query[], chosen: import("./form.js").Query | undefined }} props */
const Group = ({ title, list, chosen }) => html`
  ${list.length > 0 && html`<h2 class="small dim">${title}</h2>`}
  <ul>
    ${list.map(
      (one) => html`
        <li>
          <a
            href=${formatRoute({ page: "submit", kind: one.kind, name: one.name })}
            aria-current=${one === chosen ? "true" : undefined}
          >
            <strong>${one.name}</strong><span class="dim small">${one.description}</span>
          </a>
        </li>
      `,
    )}
  </ul>
`;
