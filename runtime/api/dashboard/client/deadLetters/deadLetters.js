import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { deadLetters } from "../figures.js";
import { ago, count, counted, moment } from "../format.js";
import { ask, errorMessage } from "../http.js";
import { confirmed } from "../ui/confirm.js";
import { rememberFocus } from "../ui/focus.js";
import { Empty, Failure, Panel } from "../ui/parts.js";
import { Letters } from "./letters.js";

/** @typedef {import("../types.ts").DeadLetterCause} Cause */
/** @typedef {import("../types.ts").DeadLetterPage} Page */
/** @typedef {{ redriven: Record<string, number>, causes: Cause[] }} Redriven */

/** Page of dead letters by cause, with actions to inspect and requeue them. */
export function DeadLetters() {
  const [page, setPage] = useState(/** @type {Page | undefined} */ (undefined));
  const [chosen, setChosen] = useState(/** @type {string[]} */ ([]));
  const [error, setError] = useState("");
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);

  /** @param {() => Promise<void>} act */
  const doing = async (act) => {
    const refocus = rememberFocus();
    setBusy(true);
    setError("");
    await act().catch((thrown) => setError(errorMessage(thrown)));
    setBusy(false);
    refocus();
  };
  const look = async () => {
    /** @type {Page} */
    const found = await ask("dead-letters?limit=200");
    setPage(found);
    setChosen(found.causes.filter(({ redrivable }) => redrivable).map(({ type }) => type));
    deadLetters.value = found.total;
  };
  useEffect(() => void doing(look), []);

  /**
   * Requeues messages after a confirmation that says what will happen to them.
   * @type {(which: { types: string[] } | { messageIds: string[] }) => Promise<void>}
   */
  const requeue = (which) =>
    doing(async () => {
      setMessage("");
      /** @type {Redriven} */
      const dry = await ask("redrive", { method: "POST", body: { ...which, dryRun: true } });
      const n = sumOf(dry.redriven);
      const again = dry.causes
        .filter(({ type }) => type in dry.redriven)
        .reduce((sum, { failsAgain }) => sum + failsAgain, 0);
      const yes = await confirmed({
        title: `Requeue ${counted(n, "message")}?`,
        lines: [
          `${counted(n, "message")} will be moved back to the request queue, as if just sent.`,
          again > 0
            ? `${n === 1 ? "It" : `${count(again)} of them`} would fail again, since the cause is in the message itself.`
            : "They are expected to be accepted.",
        ],
        action: `Requeue ${counted(n, "message")}`,
      });
      if (!yes) return;
      /** @type {Redriven} */
      const { redriven } = await ask("redrive", { method: "POST", body: which });
      setMessage(`${counted(sumOf(redriven), "message")} moved back to the request queue.`);
      await look();
    });

  /** @param {string} type */
  const toggle = (type) => setChosen(chosen.includes(type) ? chosen.filter((one) => one !== type) : [...chosen, type]);
  const refresh = html`<button type="button" disabled=${busy} onClick=${() => doing(look)}>Refresh</button>`;
  return html`
    <div class="page-head"><h1 tabindex="-1">Dead letters</h1></div>
    <${Panel} title="By cause" aside=${refresh}>
      <p class="dim">
        Messages on the request queue that are not requests, or that could not be accepted. They stay here until they are
        requeued or expire.
      </p>
      ${error && html`<${Failure}>${error}<//>`}
      <p role="status" class="done">${message}</p>
      ${
        page &&
        (page.causes.length === 0
          ? html`<${Empty}>No dead letters. A message that cannot be accepted appears here with its reason.<//>`
          : html`
              <ul class="causes">
                ${page.causes.map((cause) => html`<${CauseItem} key=${cause.type} cause=${cause} isChosen=${chosen.includes(cause.type)} toggle=${() => toggle(cause.type)} />`)}
              </ul>
              <div class="actions">
                <button type="button" class="primary" disabled=${busy || chosen.length === 0} onClick=${() => requeue({ types: chosen })}>Requeue selected</button>
                <span class="dim small">${chosen.length === 0 ? "Select a cause." : `${counted(chosenCount(page.causes, chosen), "message")}. You will be asked to confirm.`}</span>
              </div>
            `)
      }
    <//>
    ${
      page &&
      page.letters.length > 0 &&
      html`
        <${Panel} title="Messages" aside=${page.total > page.letters.length && html`<span class="dim small">${count(page.letters.length)} of about ${count(page.total)}</span>`}>
          <${Letters} letters=${page.letters} busy=${busy} requeue=${(/** @type {string} */ id) => requeue({ messageIds: [id] })} />
        <//>
      `
    }
  `;
}

/** @param {{ cause: Cause, isChosen: boolean, toggle: () => void }} props */
const CauseItem = ({ cause, isChosen, toggle }) => {
  const { type, count: n, redrivable, failsAgain, reasons, furtherReasons, firstSeenAt, lastSeenAt, receives } = cause;
  return html`
    <li>
      <label>
        <input type="checkbox" checked=${isChosen} onChange=${toggle} />
        <strong>${type}</strong> <span class="count-text">${counted(n, "message")}</span>
      </label>
      <p class="small">
        ${failsAgain > 0 ? html`<span class="warn-text">${failsAgain === n ? "All" : count(failsAgain)} would fail again.</span> ` : redrivable && html`<span class="good-text">May be accepted now.</span> `}
        <span class="dim">
          ${firstSeenAt && html`First seen <time datetime=${firstSeenAt} title=${moment(firstSeenAt)}>${ago(firstSeenAt)}</time>, `}
          ${lastSeenAt && html`last <time datetime=${lastSeenAt} title=${moment(lastSeenAt)}>${ago(lastSeenAt)}</time>, `}
          received at most ${receives === 1 ? "once" : `${count(receives)} times`}.
        </span>
      </p>
      <ul class="small reasons">
        ${reasons.map(({ reason, count: times }) => html`<li>${reason}${times > 1 && html` <span class="dim">(${count(times)})</span>`}</li>`)}
        ${furtherReasons > 0 && html`<li class="dim">… and ${counted(furtherReasons, "other reason")}</li>`}
      </ul>
    </li>
  `;
};

/** @param {Record<string, number>} counts */
const sumOf = (counts) => Object.values(counts).reduce((sum, n) => sum + n, 0);

/** @type {(causes: Cause[], chosen: string[]) => number} */
const chosenCount = (causes, chosen) =>
  causes.reduce((sum, { type, count: n }) => sum + (chosen.includes(type) ? n : 0), 0);
