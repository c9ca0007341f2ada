import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { count } from "../format.js";
import { ask, wordsOf } from "../http.js";
import { isAdmin } from "../session.js";
import { Empty, Failure, Panel } from "../ui/parts.js";

/** @typedef {{ redriven: Record<string, number>, kept: Record<string, number> }} Counts */

/** Dead letters by error class, and the way back for those that are worth it. */
export function Letters() {
  const [counts, setCounts] = useState(/** @type {Counts | undefined} */ (undefined));
  const [chosen, setChosen] = useState(/** @type {string[]} */ ([]));
  const [error, setError] = useState("");
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);

  /** @param {object} body @returns {Promise<Counts | undefined>} */
  const redrive = async (body) => {
    setBusy(true);
    setError("");
    try {
      return await ask("redrive", { method: "POST", body });
    } catch (thrown) {
      setError(wordsOf(thrown));
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  const look = async () => {
    const found = await redrive({ dryRun: true });
    if (!found) return;
    setCounts(found);
    setChosen(Object.keys(found.redriven));
  };
  const putBack = async () => {
    const done = await redrive({ types: chosen });
    if (!done) return;
    const sum = Object.values(done.redriven).reduce((all, n) => all + n, 0);
    setSaid(`${count(sum)} put back into the request queue.`);
    await look();
  };
  useEffect(() => void look(), []);

  const classes = Object.entries({ ...counts?.kept, ...counts?.redriven }).sort(([, a], [, b]) => b - a);
  /** @param {string} type */
  const toggle = (type) => setChosen(chosen.includes(type) ? chosen.filter((one) => one !== type) : [...chosen, type]);
  return html`
    <div class="page-head"><h1 tabindex="-1">Dead letters</h1></div>
    <${Panel}
      title="By error class"
      aside=${html`<button type="button" disabled=${busy} onClick=${look}>Look again</button>`}
    >
      <p class="dim">
        Messages that were no requests, or that nobody could take in. Those whose cause may have passed are chosen already.
      </p>
      ${error && html`<${Failure}>${error}<//>`}
      <p role="status" class="done">${said}</p>
      ${
        counts &&
        (classes.length === 0
          ? html`<${Empty}>There are none.<//>`
          : html`
              <fieldset class="choices">
                <legend class="hidden">Classes to put back</legend>
                ${classes.map(
                  ([type, n]) => html`
                    <label>
                      <input type="checkbox" checked=${chosen.includes(type)} onChange=${() => toggle(type)} />
                      <span>${type}</span><b>${count(n)}</b>
                    </label>
                  `,
                )}
              </fieldset>
              <button type="button" class="primary" disabled=${busy || chosen.length === 0 || !isAdmin.value} onClick=${putBack}>
                Put back
              </button>
            `)
      }
    <//>
  `;
}
