import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { deadLetters } from "../figures.js";
import { ago, count, counted, dateTime } from "../format.js";
import { errorMessage, requestJson } from "../http.js";
import { Empty, Failure, Panel } from "../ui/components.js";
import { confirmed } from "../ui/confirm.js";
import { rememberFocus } from "../ui/focus.js";
import { Letters } from "./letters.js";

/** @typedef {import("../types.ts").DeadLetterCause} Cause */
/** @typedef {import("../types.ts").DeadLetterPage} Page */
/** @typedef {{ redriven: Record<string, number>, causes: Cause[] }} Redriven */

/** Page of dead letters by cause, with actions to inspect and requeue them. */
export function DeadLetters() {
  const [page, setPage] = useState(/** @type {Page | undefined} */ (undefined));
  const [selected, setSelected] = useState(/** @type {string[]} */ ([]));
  const [error, setError] = useState("");
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);

  /** @param {() => Promise<void>} action */
  const run = async (action) => {
    const refocus = rememberFocus();
    setBusy(true);
    setError("");
    await action().catch((thrown) => setError(errorMessage(thrown)));
    setBusy(false);
    refocus();
  };
  const load = async () => {
    /** @type {Page} */
    const loaded = await requestJson("dead-letters?limit=200");
    setPage(loaded);
    setSelected(loaded.causes.filter(({ redrivable }) => redrivable).map(({ type }) => type));
    deadLetters.value = loaded.total;
  };
  useEffect(() => void run(load), []);

  /**
   * Requeues messages after a confirmation that says what will happen to them.
   * @type {(selection: { types: string[] } | { messageIds: string[] }) => Promise<void>}
   */
  const requeue = (selection) =>
    run(async () => {
      setMessage("");
      /** @type {Redriven} */
      const preview = await requestJson("redrive", { method: "POST", body: { ...selection, dryRun: true } });
      const total = sumOf(preview.redriven);
      const failing =
        "messageIds" in selection
          ? (page?.letters ?? []).filter(
              ({ messageId, failsAgain }) => failsAgain && selection.messageIds.includes(messageId),
            ).length
          : preview.causes
              .filter(({ type }) => type in preview.redriven)
              .reduce((sum, { failsAgain }) => sum + failsAgain, 0);
      const isConfirmed = await confirmed({
        title: `Requeue ${counted(total, "message")}?`,
        lines: [
          `${counted(total, "message")} will be moved back to the request queue, as if just sent.`,
          failing > 0
            ? `${total === 1 ? "It" : `${count(failing)} of them`} would fail again, since the cause is in the message itself.`
            : `${total === 1 ? "It is" : "They are"} expected to be accepted.`,
        ],
        action: `Requeue ${counted(total, "message")}`,
      });
      if (!isConfirmed) return;
      /** @type {Redriven} */
      const { redriven } = await requestJson("redrive", { method: "POST", body: selection });
      setMessage(`${counted(sumOf(redriven), "message")} moved back to the request queue.`);
      await load();
    });

  /** @param {string} type */
  const toggle = (type) =>
    setSelected(selected.includes(type) ? selected.filter((other) => other !== type) : [...selected, type]);
  const refresh = html`<button type="button" disabled=${busy} onClick=${() => run(load)}>Refresh</button>`;
  return html`
    <div class="page-head"><h1 tabindex="-1">Dead letters</h1></div>
    <${Panel} title="By cause" aside=${refresh}>
      <p class="dim">
        Messages from the request queue that are not requests, or that could not be accepted. They stay here until they are
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
                ${page.causes.map((cause) => html`<${CauseItem} key=${cause.type} cause=${cause} isSelected=${selected.includes(cause.type)} toggle=${() => toggle(cause.type)} />`)}
              </ul>
              <div class="actions">
                <button type="button" class="primary" disabled=${busy || selected.length === 0} onClick=${() => requeue({ types: selected })}>Requeue selected</button>
                <span class="dim small">${selected.length === 0 ? "Select a cause." : `${counted(selectedCount(page.causes, selected), "message")}. You will be asked to confirm.`}</span>
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

/** @param {{ cause: Cause, isSelected: boolean, toggle: () => void }} props */
const CauseItem = ({ cause, isSelected, toggle }) => {
  const { type, count: n, redrivable, failsAgain, reasons, furtherReasons, firstSeenAt, lastSeenAt, receives } = cause;
  return html`
    <li>
      <label>
        <input type="checkbox" checked=${isSelected} onChange=${toggle} />
        <strong>${type}</strong> <span class="count-text">${counted(n, "message")}</span>
      </label>
      <p class="small">
        ${failsAgain > 0 ? html`<span class="warn-text">${failsAgain === n ? "All" : count(failsAgain)} would fail again.</span> ` : redrivable && html`<span class="good-text">May be accepted now.</span> `}
        <span class="dim">
          ${firstSeenAt && html`First seen <time datetime=${firstSeenAt} title=${dateTime(firstSeenAt)}>${ago(firstSeenAt)}</time>, `}
          ${lastSeenAt && html`last <time datetime=${lastSeenAt} title=${dateTime(lastSeenAt)}>${ago(lastSeenAt)}</time>, `}
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

/** @type {(causes: Cause[], selected: string[]) => number} */
const selectedCount = (causes, selected) =>
  causes.reduce((sum, { type, count: n }) => sum + (selected.includes(type) ? n : 0), 0);
