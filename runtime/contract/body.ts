import { isUtf8 } from "node:buffer";
import { JobError } from "./errors.ts";
import { textShapeProblem } from "./inspect.ts";
import { type ParsedJson, readJson } from "./json.ts";
import { ProblemList } from "./problemList.ts";

/** A request body. */
export interface Body extends ParsedJson {
  /** True if the text was parsed; otherwise `value` is undefined, and `problems` has the reason. */
  isParsed: boolean;
}

/**
 * Reads the JSON of a request. Text that would take long to parse (nested too deeply, or with too many fields, items,
 * objects or lists) is not parsed.
 *
 * @throws SyntaxError if the text is not JSON
 */
export function readBody(text: string): Body {
  const shape = textShapeProblem(text);
  if (shape === undefined) return { ...readJson(text), isParsed: true };
  const problems = new ProblemList();
  problems.add(() => ({ field: "request", message: shape }));
  return { value: undefined, problems, isParsed: false };
}

/**
 * Reads the JSON of a request from bytes, which must be UTF-8.
 * @throws JobError UnreadableMessage
 */
export function readBodyBytes(bytes: Buffer): Body {
  if (!isUtf8(bytes)) throw new JobError("UnreadableMessage", { reason: "it is not UTF-8" });
  try {
    return readBody(bytes.toString());
  } catch (error) {
    throw new JobError("UnreadableMessage", { reason: (error as Error).message }, { cause: error });
  }
}
