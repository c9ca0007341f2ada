import { INPUT } from "./inputLimits.ts";
import { fieldName, type ProblemList } from "./problemList.ts";

/**
 * Checks a parsed JSON value for excessive nesting and for objects with too many fields. Stops at the first problem and
 * never descends deeper than `levels`, so that no value exhausts the stack.
 *
 * @returns The problem, or undefined.
 */
export function shapeProblem(value: unknown, levels: number = INPUT.levels): string | undefined {
  if (value === null || typeof value !== "object") return undefined;
  if (levels === 0) return TOO_DEEP;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const problem = shapeProblem(value[index], levels - 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  let fields = 0;
  for (const name in value) {
    if (++fields > INPUT.fields) return TOO_MANY_FIELDS;
    const problem = shapeProblem((value as Record<string, unknown>)[name], levels - 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Returns true for text that Postgres can store. */
export function isText(value: unknown): boolean {
  return typeof value === "string" && !value.includes("\0") && value.isWellFormed();
}

const TOO_DEEP = `is nested deeper than ${INPUT.levels} levels.`;
const TOO_MANY_ITEMS = `has a list with more than ${INPUT.items.toLocaleString("en")} items. Send a file instead.`;
const TOO_MANY_FIELDS = `has an object with more than ${INPUT.fields.toLocaleString("en")} fields.`;

/**
 * Checks a JSON text before it is parsed. Parsing takes long for many objects and lists, deep nesting, an object with
 * many fields or a list with many items. Counts brackets and commas in linear time.
 *
 * @returns The problem, or undefined. Text that is not JSON may have no problem: the parser refuses it.
 */
export function textShapeProblem(text: string): string | undefined {
  /** Open objects and lists, each with the number of its commas so far. */
  const levels: { isObject: boolean; commas: number }[] = [];
  let containers = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at);
        if (at < 0) return undefined;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (levels.length === INPUT.levels) return TOO_DEEP;
        if (++containers > INPUT.containers)
          return `has more than ${INPUT.containers.toLocaleString("en")} objects and lists. Send a file in parts instead.`;
        levels.push({ isObject: text.charCodeAt(at) === 0x7b, commas: 0 });
        break;
      case 0x7d: // }
      case 0x5d: // ]
        levels.pop();
        break;
      case 0x2c: {
        // ,
        const level = levels.at(-1);
        if (level === undefined) break;
        level.commas++;
        if (level.isObject && level.commas >= INPUT.fields) return TOO_MANY_FIELDS;
        if (!level.isObject && level.commas >= INPUT.items) return TOO_MANY_ITEMS;
      }
    }
  }
  return undefined;
}

/** Returns the index of the quote that ends the string that begins at `start`, or -1. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}

const UNSTORABLE = "a NUL character or half of a surrogate pair, which cannot be stored";

/**
 * Adds a problem for each text that Postgres cannot store: NUL, and halves of surrogate pairs.
 * @param value parsed JSON for which `shapeProblem` returns undefined
 */
export function checkStorable(value: unknown, problems: ProblemList): void {
  const path: (string | number)[] = [];
  const walk = (inner: unknown): void => {
    if (typeof inner === "string") {
      if (!isText(inner)) problems.add(() => ({ field: fieldName(path), message: `contains ${UNSTORABLE}.` }));
    } else if (Array.isArray(inner)) {
      for (let index = 0; index < inner.length; index++) descend(index, inner[index]);
    } else if (inner !== null && typeof inner === "object") {
      for (const name in inner) {
        if (!isText(name))
          problems.add(() => ({
            field: fieldName(path) || "request",
            message: `has a field whose name contains ${UNSTORABLE}.`,
          }));
        else descend(name, (inner as Record<string, unknown>)[name]);
      }
    }
  };
  const descend = (name: string | number, inner: unknown) => {
    if (inner === null || (typeof inner !== "object" && typeof inner !== "string")) return;
    path.push(name);
    walk(inner);
    path.pop();
  };
  walk(value);
}
