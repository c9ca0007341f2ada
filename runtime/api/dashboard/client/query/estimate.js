import { html } from "htm/preact";
import { bytes, counted, RUNNER_LABELS } from "../format.js";

/** Returns a sentence about the size, runner type and start of a job. @param {import("../types.ts").Explanation} explained */
export const estimateOf = ({ route, room, estimatedRows, estimatedBytes }) =>
  `${estimatedRows === undefined ? "It" : `About ${[counted(estimatedRows, "row"), ...(estimatedBytes === undefined ? [] : [bytes(estimatedBytes)])].join(", ")}; it`} would run on ${RUNNER_LABELS[route]}, ${
    room.now
      ? "at once"
      : (room.waiting ?? 0) === 0
        ? "when a run is free"
        : `after ${counted(room.waiting, "other")} (${room.running} of ${room.slots} slots are in use)`
  }.`;

/** Estimate of a valid request, or a note about its submission. @param {{ check: import("./check.js").Check, note: string }} props */
export const Estimate = ({ check: { explained, isChecking }, note }) => html`
  <p role="status" class=${`estimate dim small ${isChecking && !note ? "stale" : ""}`}>${note || (explained && estimateOf(explained))}</p>
`;
