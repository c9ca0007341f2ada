import { signal } from "@preact/signals";
import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";

/** @typedef {{ title: unknown, lines: readonly unknown[], action: string, isDanger?: boolean }} Question */

/** @type {import("@preact/signals").Signal<(Question & { answer: (yes: boolean) => void }) | undefined>} */
const open = signal(undefined);

/** Asks for confirmation of an irreversible action. @param {Question} question @returns {Promise<boolean>} */
export function confirmed(question) {
  open.peek()?.answer(false);
  return new Promise((resolve) => {
    open.value = {
      ...question,
      answer(yes) {
        open.value = undefined;
        resolve(yes);
      },
    };
  });
}

/** Dialog with the open question. */
export function ConfirmDialog() {
  const question = open.value;
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    if (!question) return;
    // The focus returns to the previous element.
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.isConnected && before.focus();
  }, [question]);
  if (!question) return null;
  const { title, lines, action, isDanger = false, answer } = question;
  /** @param {Event} event */
  const dismiss = (event) => {
    event.preventDefault();
    answer(false);
  };
  return html`
    <dialog ref=${dialog} class="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-lines" onCancel=${dismiss}>
      <h2 id="confirm-title">${title}</h2>
      <div id="confirm-lines">${lines.map((line) => html`<p>${line}</p>`)}</div>
      <div class="actions">
        <button type="button" class=${isDanger ? "danger solid" : "primary"} onClick=${() => answer(true)}>${action}</button>
        <button type="button" onClick=${() => answer(false)} autofocus>Keep as it is</button>
      </div>
    </dialog>
  `;
}
