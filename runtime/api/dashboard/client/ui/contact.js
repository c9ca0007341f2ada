import { html } from "htm/preact";
import { timeOfDay } from "../format.js";

/**
 * Notice while requests fail: the reason, and the time of the last successful request.
 * @param {{ error: string, contactAt: number | undefined }} props
 */
export const LostContact = ({ error, contactAt }) => html`
  <div class="verdict unknown" role="alert">
    ${contactAt !== undefined && html`<strong>No contact since ${timeOfDay(contactAt)}</strong>`}
    <p>${error}</p>
  </div>
`;

/**
 * Content that is dimmed while it is stale or requests fail.
 * @param {{ polled: { data: unknown, error: string, isStale: boolean }, children?: unknown }} props
 */
export const Live = ({ polled: { data, error, isStale }, children }) =>
  data === undefined
    ? null
    : html`<div class=${`live ${isStale || error ? "stale" : ""}`} aria-busy=${isStale}>${children}</div>`;
