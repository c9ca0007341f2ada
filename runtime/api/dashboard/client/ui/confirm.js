import { signal } from "@preact/signals";
import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";

/** Maximum length of a reason in characters, as in the API. */
const MAX_REASON = 500;

/** @typedef {{ title: unknown, lines: readonly unknown[], action: string, isDanger?: boolean }} Question */
/** An open question. `answer` takes the reason, which may be empty, or undefined if the user declines. */
/** @typedef {Question & { hasReason: boolean, answer: (reason: string | undefined) => void }} OpenQuestion */

/** @type {import("@preact/signals").Signal<OpenQuestion | undefined>} */
const open = signal(undefined);

/** @type {(question: Question, hasReason: boolean) => Promise<string | undefined>} */
function openDialog(question, hasReason) {
  open.peek()?.answer(undefined);
  return new Promise((resolve) => {
    open.value = {
      ...question,
      hasReason,
      answer(reason) {
        open.value = undefined;
        resolve(reason);
      },
    };
  });
}

/** Asks for confirmation of an action. @param {Question} question @returns {Promise<boolean>} */
export const confirmed = async (question) => (await openDialog(question, false)) !== undefined;

/**
 * Asks for confirmation, and for an optional reason.
 * @param {Question} question
 * @returns {Promise<{ reason?: string } | undefined>} undefined if the user declines
 */
export async function confirmedWithReason(question) {
  const reason = await openDialog(question, true);
  return reason === undefined ? undefined : reason === "" ? {} : { reason };
}

/** Dialog with the open question. */
export function ConfirmDialog() {
  const question = open.value;
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (!question) return;
    // The focus returns to the previous element.
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.isConnected && before.focus();
  }, [question]);
  if (!question) return null;
  const { title, lines, action, isDanger = false, hasReason, answer } = question;
  /** @param {Event} event */
  const dismiss = (event) => {
    event.preventDefault();
    answer(undefined);
  };
  // Pasted tabs and other control characters become spaces, since the API refuses them.
  const confirm = () => answer((input.current?.value ?? "").replace(/\p{Cc}/gu, " ").trim());
  return html`
    <dialog ref=${dialog} class="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-lines" onCancel=${dismiss}>
      <h2 id="confirm-title">${title}</h2>
      <div id="confirm-lines">${lines.map((line) => html`<p>${line}</p>`)}</div>
      ${
        hasReason &&
        html`
          <div class="field">
            <label for="confirm-reason">Reason <span class="dim small">optional</span></label>
            <input
              id="confirm-reason"
              ref=${input}
              maxlength=${MAX_REASON}
              autocomplete="off"
              onKeyDown=${(/** @type {KeyboardEvent} */ { key, isComposing }) => key === "Enter" && !isComposing && confirm()}
            />
          </div>
        `
      }
      <div class="actions">
        <button type="button" class=${isDanger ? "danger solid" : "primary"} onClick=${confirm}>${action}</button>
        <button type="button" onClick=${() => answer(undefined)} autofocus>Keep as it is</button>
      </div>
    </dialog>
  `;
}
