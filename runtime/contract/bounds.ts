/**
 * Maximum sizes of responses, documents and HTTP errors. Text is cut here before it is sent;
 * db/functions/jobs/bounded_*.sql enforces the same limits in the database.
 */
export const BOUNDS = {
  /** A response, or a document, without its inline result. Bytes. */
  responseBytes: 65_536,
  /** The inline result of a response. The response with its attributes then fits into an SQS message (1 MiB). Bytes. */
  inlineBytes: 900_000,
  /** An error's message. Characters. */
  message: 2_000,
  /** Text filled into a message template; short enough that the remedy after it is not cut. Characters. */
  parameter: 1_500,
  /** Number of an error's details, and their total size as JSON in bytes. */
  details: 100,
  detailsBytes: 24_576,
  /** One entry: number of fields, and characters of a name, of a message or reason, and of any other value. */
  detail: { fields: 10, name: 100, reason: 500, value: 200 },
  /** All labels of a request, as JSON. Bytes. */
  labelsBytes: 12_288,
} as const;

/**
 * Makes a text valid for Postgres, SQS and a response: NUL, halves of surrogate pairs, U+FFFE and U+FFFF become U+FFFD,
 * and longer text is cut and ends in an ellipsis.
 *
 * @param maxLength - Maximum length in UTF-16 code units.
 */
export function cutText(text: string, maxLength: number): string {
  const cut = text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
  return cut.toWellFormed().replace(/[\0\uFFFE\uFFFF]/g, "\uFFFD");
}

/** Last entry of a shortened list: the number of further entries, and the location of the whole report. */
export interface ListRemainder {
  /** Number of entries that are not listed. */
  more: number;
  /** Location of the whole report. */
  report?: unknown;
  /** Set if reading the batch stopped early: the maximum that was reached, and the rows read. */
  stopped?: unknown;
}

const isListRemainder = (value: unknown): value is ListRemainder =>
  value !== null && typeof value === "object" && typeof (value as Partial<ListRemainder>).more === "number";

/** Limits an error's details to 100 bounded entries of 24 KiB in total. If entries are left out, a last entry has their number. */
export function boundedDetails(details: readonly unknown[]): unknown[] {
  const last = details.at(-1);
  const remainder = isListRemainder(last) ? last : undefined;
  const total = details.length - (remainder ? 1 : 0);
  const listed: unknown[] = [];
  let bytes = 0;
  for (const entry of details.slice(0, Math.min(total, BOUNDS.details))) {
    const bounded = boundedDetail(entry);
    bytes += Buffer.byteLength(JSON.stringify(bounded)) + 1;
    if (bytes > BOUNDS.detailsBytes) break;
    listed.push(bounded);
  }
  if (remainder) listed.push({ ...remainder, more: remainder.more + total - listed.length });
  else if (listed.length < total) listed.push({ more: total - listed.length });
  return listed;
}

/** Returns true if an error lists these details completely. */
export const areListedCompletely = (details: readonly unknown[]): boolean =>
  !boundedDetails(details).some(isListRemainder);

function boundedDetail(entry: unknown): unknown {
  const { fields, name, reason, value } = BOUNDS.detail;
  if (entry === null || typeof entry !== "object" || Array.isArray(entry)) return boundedScalar(entry, value);
  return Object.fromEntries(
    Object.entries(entry)
      .filter(([, inner]) => inner !== undefined)
      .slice(0, fields)
      .map(([key, inner]) => [
        cutText(key, name),
        boundedScalar(inner, key === "message" || key === "reason" ? reason : value),
      ]),
  );
}

/** Cuts text, and converts lists and objects to text. */
function boundedScalar(value: unknown, maxLength: number): unknown {
  if (typeof value === "string") return cutText(value, maxLength);
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  return cutText(asJson(value), maxLength);
}

/** Formats a value of any depth as JSON. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "[nested too deeply]";
  }
}
