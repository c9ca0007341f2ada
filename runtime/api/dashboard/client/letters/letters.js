import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { deadLetters } from "../figures.js";
import { ago, count } from "../format.js";
import { ask, errorText } from "../http.js";
import { isAdmin } from "../session.js";
import { Empty, Failure, Panel } from "../ui/parts.js";

/** @typedef {{ messageId: string, type: string, reason?: string, redrivable: boolean, body: string, bodyLength: number, sender?: string, sentAt?: string, receives: number }} Letter */
/** @typedef {{ redriven: Record<string, number>, kept: Record<string, number> }} Counts */

/** Dead letters by error class, and the way back for those that are worth it. */
export function Letters() {
  const [counts, setCounts] = useState(/** @type {Counts | undefined} */ (undefined));
  const [chosen, setChosen] = useState(/** @type {string[]} */ ([]));
  const [letters, setLetters] = useState(/** @type {Letter[]} */ ([]));
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
      setError(errorText(thrown));
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
    deadLetters.value = [...Object.values(found.redriven), ...Object.values(found.kept)].reduce((all, n) => all + n, 0);
    try {
      /** @type {{ letters: Letter[] }} */
      const seen = await ask("dead-letters?limit=100");
      setLetters(seen.letters);
    } catch (thrown) {
      setError(errorText(thrown));
    }
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
      aside=${html`<button type="button" disabled=${busy} onClick=${look}>Refresh</button>`}
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
              <p class="dim">${whatHappens(sumOf(counts, chosen))}</p>
              <button type="button" class="primary" disabled=${busy || chosen.length === 0 || !isAdmin.value} onClick=${putBack}>
                Requeue
              </button>
            `)
      }
    <//>
    ${letters.length > 0 && html`<${Panel} title="Messages"><${Inspector} letters=${letters} /><//>`}
  `;
}

/** How many dead letters of the chosen classes there are. @type {(counts: Counts, chosen: string[]) => number} */
const sumOf = ({ redriven, kept }, chosen) =>
  chosen.reduce((all, type) => all + (redriven[type] ?? 0) + (kept[type] ?? 0), 0);

/** What a click on the button does. @param {number} n */
const whatHappens = (n) =>
  n === 0
    ? "Choose classes to put back."
    : `Puts ${n === 1 ? "1 message" : `${count(n)} messages`} back into the request queue, as if sent now; one that fails again comes back here.`;

/** The messages themselves, found by any of their text. @param {{ letters: Letter[] }} props */
function Inspector({ letters }) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const found = letters.filter(({ type, reason = "", body, sender = "" }) =>
    [type, reason, body, sender].some((part) => part.toLowerCase().includes(wanted)),
  );
  return html`
    <search class="filters">
      <label class="grow">
        <span class="hidden">Search dead letters</span>
        <input
          type="search"
          maxlength="200"
          placeholder="Class, reason, body …"
          value=${text}
          onInput=${(/** @type {InputEvent} */ { currentTarget }) => setText(/** @type {HTMLInputElement} */ (currentTarget).value)}
        />
      </label>
    </search>
    ${found.length === 0 && html`<${Empty}>No dead letters match.<//>`}
    ${found.map(
      ({ messageId, type, reason, body, bodyLength, sentAt, receives, redrivable }) => html`
        <details key=${messageId}>
          <summary>
            ${type} <span class="dim">${sentAt && ago(sentAt)} · received ${receives === 1 ? "once" : `${count(receives)} times`}${!redrivable && " · would fail again"}</span>
          </summary>
          <p>${reason ?? "SQS moved it here: no dispatcher could take it in."}</p>
          <pre tabindex="0" aria-label="Body">${body}</pre>
          ${bodyLength > body.length && html`<p class="dim">The beginning of ${count(bodyLength)} characters.</p>`}
        </details>
      `,
    )}
  `;
}
