import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { ago, count, dateTime } from "../format.js";
import { Empty } from "../ui/components.js";

/** @typedef {import("../types.ts").DeadLetterPage["letters"][number]} Letter */

/**
 * Returns true if a message's cause, reason, body or sender contains a text, ignoring case. `text` is in lower case.
 * @type {(letter: Letter, text: string) => boolean}
 */
const matches = ({ type, reason = "", body, sender = "" }, text) =>
  [type, reason, body, sender].some((field) => field.toLowerCase().includes(text));

/**
 * List of messages, searchable by cause, reason, body and sender.
 * @param {{ letters: Letter[], busy: boolean, requeue: (messageId: string) => void }} props
 */
export function Letters({ letters, busy, requeue }) {
  const [text, setText] = useState("");
  const shown = letters.filter((letter) => matches(letter, text.trim().toLowerCase()));
  return html`
    <search class="filters">
      <label class="grow">
        <span class="hidden">Search dead letters</span>
        <input
          type="search"
          maxlength="200"
          placeholder="Cause, reason, body, sender …"
          value=${text}
          onInput=${(/** @type {InputEvent} */ { currentTarget }) => setText(/** @type {HTMLInputElement} */ (currentTarget).value)}
        />
      </label>
    </search>
    ${shown.length === 0 && html`<${Empty}>No dead letters match.<//>`}
    ${shown.map((letter) => html`<${Item} key=${letter.messageId} letter=${letter} busy=${busy} requeue=${requeue} />`)}
  `;
}

/** @param {{ letter: Letter, busy: boolean, requeue: (messageId: string) => void }} props */
function Item({ letter, busy, requeue }) {
  const { messageId, type, reason, failsAgain, body, bodyLength, sender, sentAt, firstReceivedAt, receives } = letter;
  return html`
    <details class="letter">
      <summary>
        ${type} <span class="dim">${sentAt && ago(sentAt)} · received ${receives === 1 ? "once" : `${count(receives)} times`}${failsAgain && " · would fail again"}</span>
      </summary>
      <p>${reason ?? "SQS moved this message here after it was received too often without being accepted."}</p>
      ${failsAgain && failsAgain.reason !== reason && html`<p class="warn-text">If sent again unchanged: ${failsAgain.reason}</p>`}
      <dl class="facts small">
        ${sentAt && html`<div><dt>Sent</dt><dd>${dateTime(sentAt)}</dd></div>`}
        ${firstReceivedAt && html`<div><dt>First received</dt><dd>${dateTime(firstReceivedAt)}</dd></div>`}
        ${sender && html`<div><dt>Sender</dt><dd>${sender}</dd></div>`}
        <div><dt>Message</dt><dd>${messageId}</dd></div>
      </dl>
      <pre tabindex="0" aria-label="Body">${body}</pre>
      ${bodyLength > body.length && html`<p class="dim">Only the beginning of ${count(bodyLength)} characters is shown.</p>`}
      <button type="button" disabled=${busy} onClick=${() => requeue(messageId)}>Requeue this message</button>
    </details>
  `;
}
