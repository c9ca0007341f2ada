import { html } from "htm/preact";
import { clock } from "../format.js";

/** What a page shows while the API does not answer: the reason, and from when its figures are.
 * @param {{ error: string, contactAt: number | undefined }} props */
export const LostContact = ({ error, contactAt }) => html`
  <div class="verdict unknown" role="alert">
    ${contactAt !== undefined && html`<strong>No contact since ${clock(contactAt)}</strong>`}
    <p>${error}</p>
  </div>
`;

/** Contents that are dimmed while they are not those of now.
 * @param {{ polled: { found: unknown, error: string, stale: boolean }, children?: unknown }} props */
export const Live = ({ polled: { found, error, stale }, children }) =>
  found === undefined
    ? null
    : html`<div class=${`live ${stale || error ? "stale" : ""}`} aria-busy=${stale}>${children}</div>`;
