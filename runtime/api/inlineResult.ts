import { fieldsOf } from "../contract/jsonFields.ts";

/**
 * Reads the inline result from the stored body of a response: JSON exactly as stored, or the text of another format.
 * Postgres's JSON functions cannot do this: they refuse values that a column of type json can hold (`\u0000`, unpaired
 * surrogates).
 * @param body - null for a job without a response
 * @returns undefined when the result is not inline
 */
export function inlineResult(body: string | null): string | undefined {
  const result = fieldText(body ?? "{}", "result");
  const inline = result?.startsWith("{") ? fieldText(result, "inline") : undefined;
  return inline?.startsWith('"') ? JSON.parse(inline) : inline;
}

const fieldText = (object: string, name: string): string | undefined =>
  fieldsOf(object).find((field) => field.name === name)?.text;
