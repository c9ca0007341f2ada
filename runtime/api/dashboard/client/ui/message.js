import { html } from "htm/preact";

/** Splits a text at its backticks; the pieces at odd indexes were in backticks. @param {string} text */
export const piecesOf = (text) => text.split(/`([^`]*)`/);

/** Message of the API, with text in backticks rendered as code. @param {{ text: string }} props */
export const Message = ({ text }) =>
  piecesOf(text).map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
