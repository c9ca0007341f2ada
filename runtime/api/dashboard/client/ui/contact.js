import { html } from "htm/preact";
import { clock } from "../format.js";

/**
 * Notice while the API does not answer: the reason, and the age of the shown data.
 * @param {{ error: string, contactAt: number | undefined }} props
 */
export const LostContact = ({ error, contactAt }) => html`
  <div class="verdict unknown" role="alert">
    ${contactAt !== undefined && html`<strong>No contact since ${clock(contactAt)}</strong>`}
    <p>${error}</p>
  </div>
`;

/**
 * Content that is dimmed while it is stale.
 * @param {{ polled: { found: unknown, error: string, stale: boolean }, children?: unknown }} props
 */
export const Live = ({ polled: { found, error, stale }, children }) =>
  found === undefined
    ? null
    : html`<div class=${`live ${stale || error ? "stale" : ""}`} aria-busy=${stale}>${children}</div>`;
