import { BOUNDS, cutText, type ListRemainder } from "./bounds.ts";
import type { Problem } from "./errors.ts";
import { JobError } from "./errors.ts";
import { PROBLEM_LIMITS } from "./inputLimits.ts";
import { escapeInvisibleInText } from "./invisible.ts";
import { redactText } from "./redact.ts";

/**
 * The first problems of a request, limited in number and bytes, and the number of all others. The list stays small for
 * any request.
 */
export class ProblemList extends Array<Problem> {
  /** Number of problems that are not listed. */
  unlisted = 0;
  #bytes = 0;

  /** Makes methods such as `map` return ordinary arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** Returns true if a further problem would only be counted. */
  get isFull(): boolean {
    return this.length >= BOUNDS.details || this.#bytes >= BOUNDS.detailsBytes;
  }

  /** Number of all problems, listed or not. */
  get total(): number {
    return this.length + this.unlisted;
  }

  /**
   * Adds a problem.
   * @param describe called only while the list is not full
   */
  add(describe: () => Problem): void {
    if (this.isFull) {
      this.unlisted++;
      return;
    }
    const problem = boundProblem(describe());
    const bytes = Buffer.byteLength(JSON.stringify(problem)) + 1;
    this.#bytes += bytes;
    if (this.#bytes > BOUNDS.detailsBytes) this.unlisted++;
    else super.push(problem);
  }

  /** Adds problems; for another list, counts its unlisted problems too. */
  addAll(problems: readonly Problem[]): void {
    for (const problem of problems) this.add(() => problem);
    if (problems instanceof ProblemList) this.unlisted += problems.unlisted;
  }

  /** Returns the problems as an error's details; a last entry has the number of unlisted ones. */
  details(): (Problem | ListRemainder)[] {
    return [...this, ...(this.unlisted > 0 ? [{ more: this.unlisted }] : [])];
  }
}

/** Creates the error of an invalid request. */
export function invalidRequest(problems: readonly Problem[]): JobError {
  const list = new ProblemList();
  list.addAll(problems);
  return new JobError("InvalidRequest", { count: list.total }, { details: list.details() });
}

function boundProblem({ field, message, ...rest }: Problem): Problem {
  return {
    field: cutText(field, PROBLEM_LIMITS.field),
    ...("value" in rest && rest.value !== undefined ? { value: escapeValue(redactAndTruncate(rest.value)) } : {}),
    message: cutText(escapeInvisibleInText(message), PROBLEM_LIMITS.message),
  };
}

/** Escapes the invisible characters of a text value. */
const escapeValue = (value: unknown): unknown =>
  typeof value === "string" ? cutText(escapeInvisibleInText(value), PROBLEM_LIMITS.value) : value;

/** Shortens a name that a caller wrote, for a path or message, and removes possible credentials. */
export const redactName = (name: string): string => cutText(redact(name), PROBLEM_LIMITS.name);

/** Formats the path of a field: `task.params.day`. */
export const fieldName = (path: readonly (string | number)[]): string =>
  path.map((part) => (typeof part === "string" ? redactName(part) : part)).join(".");

/**
 * Shortens a caller's value for a message or log: text is cut, lists and objects become the beginning of their JSON.
 * URLs are reduced to scheme, host and path.
 */
export function redactAndTruncate(value: unknown): unknown {
  if (typeof value === "string") return cutText(redact(value), PROBLEM_LIMITS.value);
  if (value === null || typeof value !== "object") return value;
  return cutText(jsonPrefix(value), PROBLEM_LIMITS.value);
}

/** Number of characters of a text that are searched for credentials; later characters are never shown. */
const MAX_INSPECTED = 5_000;

/**
 * Redacts a text. If an `@` follows the inspected part, that part may end in a password: an appended `@` makes
 * redactText recognize it.
 */
const redact = (text: string): string =>
  text.length > MAX_INSPECTED && text.includes("@", MAX_INSPECTED)
    ? redactText(`${text.slice(0, MAX_INSPECTED)}@`)
    : redactText(text.slice(0, MAX_INSPECTED));

/** Returns the beginning of a value's JSON without reading the rest. */
function jsonPrefix(value: object): string {
  let text = "";
  const isFull = () => text.length > PROBLEM_LIMITS.value;
  const write = (value: unknown, levels: number): void => {
    if (typeof value === "string") text += JSON.stringify(cutText(redact(value), PROBLEM_LIMITS.value));
    else if (value === null || typeof value !== "object") text += JSON.stringify(value) ?? "null";
    else if (levels === 0) text += "…";
    else if (Array.isArray(value)) {
      text += "[";
      for (let index = 0; index < value.length && !isFull(); index++) {
        if (index > 0) text += ",";
        write(value[index], levels - 1);
      }
      text += "]";
    } else {
      text += "{";
      let isFirst = true;
      for (const name in value) {
        if (isFull()) break;
        text += `${isFirst ? "" : ","}${JSON.stringify(redactName(name))}:`;
        write((value as Record<string, unknown>)[name], levels - 1);
        isFirst = false;
      }
      text += "}";
    }
  };
  write(value, 10);
  return text;
}
