import { INPUT } from "./inputLimits.ts";
import { fieldName, type ProblemList } from "./problemList.ts";

/**
 * Why a parsed JSON value is not walked any further: it is nested too deeply, or one of its objects has too many fields.
 * Ends at the first such place, so that no value exhausts the stack.
 */
export function shapeProblem(value: unknown, levels: number = INPUT.levels): string | undefined {
  if (value === null || typeof value !== "object") return undefined;
  if (levels === 0) return `is nested deeper than ${INPUT.levels} levels.`;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const found = shapeProblem(value[index], levels - 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  let fields = 0;
  for (const name in value) {
    if (++fields > INPUT.fields) return `has an object with more than ${INPUT.fields.toLocaleString("en")} fields.`;
    const found = shapeProblem((value as Record<string, unknown>)[name], levels - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Tells whether a value is text that Postgres can store. */
export function isText(value: unknown): boolean {
  return typeof value === "string" && !value.includes("\0") && value.isWellFormed();
}

const UNSTORABLE = "a NUL character or half of a surrogate pair, which cannot be stored";

/**
 * Adds a problem for each text that Postgres cannot store: NUL, and halves of surrogate pairs.
 * @param value parsed JSON of which `shapeProblem` finds nothing wrong
 */
export function checkStorable(value: unknown, problems: ProblemList): void {
  const path: (string | number)[] = [];
  const walk = (inner: unknown): void => {
    if (typeof inner === "string") {
      if (!isText(inner)) problems.add(() => ({ field: fieldName(path), message: `holds ${UNSTORABLE}.` }));
    } else if (Array.isArray(inner)) {
      for (let index = 0; index < inner.length; index++) visit(index, inner[index]);
    } else if (inner !== null && typeof inner === "object") {
      for (const name in inner) {
        if (!isText(name))
          problems.add(() => ({
            field: fieldName(path) || "request",
            message: `has a field whose name holds ${UNSTORABLE}.`,
          }));
        else visit(name, (inner as Record<string, unknown>)[name]);
      }
    }
  };
  const visit = (name: string | number, inner: unknown) => {
    if (inner === null || (typeof inner !== "object" && typeof inner !== "string")) return;
    path.push(name);
    walk(inner);
    path.pop();
  };
  walk(value);
}
