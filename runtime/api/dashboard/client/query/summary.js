import { truncate } from "../format.js";

const MAX_TEXT = 200;

/** Summarizes a job's task in one line. @param {import("../types.ts").Job["task"]} task */
export function summaryOf({ sql, params = {} }) {
  if (sql !== undefined) return truncate(sql.replace(/\s+/g, " ").trim(), MAX_TEXT);
  const { orig_code: origin, dest_code: destination, date_from: first, date_to: last, ...others } = params;
  const lane = (origin !== undefined || destination !== undefined) && `${origin ?? "all"} → ${destination ?? "all"}`;
  const days =
    (first !== undefined || last !== undefined) && `${first ?? "the first day"} to ${last ?? "the last day"}`;
  const otherParams = Object.entries(others).map(
    ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return truncate([lane, days, ...otherParams].filter(Boolean).join(", "), MAX_TEXT);
}
