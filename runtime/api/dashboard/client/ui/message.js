import { html } from "htm/preact";

/** Splits a text into words and commands: those at odd indexes are in backticks. @param {string} text */
export const piecesOf = (text) => text.split(/`([^`]*)`/);

/** Message of the API, with commands in backticks drawn as code. @param {{ text: string }} props */
export const Message = ({ text }) =>
  piecesOf(text).map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
