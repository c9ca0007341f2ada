import { BOUNDS, cutText, type Further } from "./bounds.ts";
import type { Problem } from "./errors.ts";
import { JobError } from "./errors.ts";
import { PROBLEMS } from "./inputLimits.ts";
import { escapeInvisibleInText } from "./invisible.ts";
import { redactText } from "./redact.ts";

/**
 * The first problems of a request, limited in number and bytes, and the number of all others. The size of the list does not
 * depend on the request.
 */
export class ProblemList extends Array<Problem> {
  /** Problems that are not listed. */
  further = 0;
  #bytes = 0;

  /** Makes methods such as `map` return ordinary arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** Returns true if a further problem would only be counted. */
  get isFull(): boolean {
    return this.length >= BOUNDS.details || this.#bytes >= BOUNDS.detailsBytes;
  }

  /** All problems, listed or not. */
  get total(): number {
    return this.length + this.further;
  }

  /** Adds a problem. @param describe called only while there is room in the list */
  add(describe: () => Problem): void {
    if (this.isFull) {
      this.further++;
      return;
    }
    const problem = bounded(describe());
    const bytes = Buffer.byteLength(JSON.stringify(problem)) + 1;
    this.#bytes += bytes;
    if (this.#bytes > BOUNDS.detailsBytes) this.further++;
    else super.push(problem);
  }

  /** Adds problems that were collected elsewhere, and the number of those that were not listed there. */
  addAll(problems: readonly Problem[]): void {
    for (const problem of problems) this.add(() => problem);
    if (problems instanceof ProblemList) this.further += problems.further;
  }

  /** The problems as an error's details: how many are not listed is the last entry. */
  details(): (Problem | Further)[] {
    return [...this, ...(this.further > 0 ? [{ more: this.further }] : [])];
  }
}

/** The error of a request that cannot be used. */
export function invalidRequest(problems: readonly Problem[]): JobError {
  const list = new ProblemList();
  list.addAll(problems);
  return new JobError("InvalidRequest", { count: list.total }, { details: list.details() });
}

function bounded({ field, message, ...rest }: Problem): Problem {
  return {
    field: cutText(field, PROBLEMS.field),
    ...("value" in rest && rest.value !== undefined ? { value: visible(redactAndTruncate(rest.value)) } : {}),
    message: cutText(escapeInvisibleInText(message), PROBLEMS.message),
  };
}

/** A value with its invisible characters as escapes. */
const visible = (value: unknown): unknown =>
  typeof value === "string" ? cutText(escapeInvisibleInText(value), PROBLEMS.value) : value;

/** A name that a caller chose, for a path or a message: cut, and without anything that may be a credential. */
export const shownName = (name: string): string => cutText(redact(name), PROBLEMS.name);

/** The path of a field: `task.params.day`. */
export const fieldName = (path: readonly (string | number)[]): string =>
  path.map((part) => (typeof part === "string" ? shownName(part) : part)).join(".");

/**
 * A value that a caller sent, short enough for a message or a log: text is cut, lists and objects become the beginning of
 * their JSON. Of URLs only scheme, host and path remain.
 */
export function redactAndTruncate(value: unknown): unknown {
  if (typeof value === "string") return cutText(redact(value), PROBLEMS.value);
  if (value === null || typeof value !== "object") return value;
  return cutText(beginningOf(value), PROBLEMS.value);
}

/** Length up to which text is inspected and shown. */
const LOOKED_AT = 5_000;

/** Hides a long text with an `@` beyond the inspected part: its beginning may be a password. */
const redact = (text: string): string =>
  text.length > LOOKED_AT && text.includes("@", LOOKED_AT)
    ? redactText(`${text.slice(0, LOOKED_AT)}@`)
    : redactText(text.slice(0, LOOKED_AT));

/** The beginning of a value's JSON, without reading the rest of it. */
function beginningOf(value: object): string {
  let text = "";
  const isFull = () => text.length > PROBLEMS.value;
  const write = (inner: unknown, levels: number): void => {
    if (typeof inner === "string") text += JSON.stringify(cutText(redact(inner), PROBLEMS.value));
    else if (inner === null || typeof inner !== "object") text += JSON.stringify(inner) ?? "null";
    else if (levels === 0) text += "…";
    else if (Array.isArray(inner)) {
      text += "[";
      for (let index = 0; index < inner.length && !isFull(); index++) {
        if (index > 0) text += ",";
        write(inner[index], levels - 1);
      }
      text += "]";
    } else {
      text += "{";
      let first = true;
      for (const name in inner) {
        if (isFull()) break;
        text += `${first ? "" : ","}${JSON.stringify(shownName(name))}:`;
        write((inner as Record<string, unknown>)[name], levels - 1);
        first = false;
      }
      text += "}";
    }
  };
  write(value, 10);
  return text;
}
