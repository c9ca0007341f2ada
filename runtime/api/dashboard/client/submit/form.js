/**
 * A named query's parameters as a form, and what was typed into it as a request. What a value may be the API knows best:
 * it names each problem with its field.
 *
 * @typedef {import("../../../../queries/file.ts").Param} Param
 * @typedef {import("../../../../queries/file.ts").QueryDescription} Query
 */

/** The field of a parameter's type. @type {Record<Param["type"], { input: "input" | "textarea" | "choice", type?: string, step?: string, hint?: string }>} */
export const FIELDS = {
  text: { input: "input", type: "text" },
  date: { input: "input", type: "date" },
  integer: { input: "input", type: "number", step: "1" },
  number: { input: "input", type: "number", step: "any" },
  boolean: { input: "choice" },
  "text[]": { input: "textarea", hint: "one a line" },
};

/** What a parameter says where nothing is typed. @param {Param} param */
export const placeholderOf = ({ required, default: value }) =>
  required ? "" : value === null ? "left out" : Array.isArray(value) ? value.join(", ") : String(value);

/** A typed text as the value of its type; undefined where nothing was typed.
 * @type {(type: Param["type"], text: string) => unknown} */
export function typedValue(type, text) {
  if (text.trim() === "") return undefined;
  switch (type) {
    case "integer":
    case "number":
      // What is no number goes as it was typed, and comes back with the reason.
      return Number.isNaN(Number(text)) ? text : Number(text);
    case "boolean":
      return text === "true";
    case "text[]":
      return text
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "");
    default:
      return text;
  }
}

/**
 * @typedef {{ params: Record<string, string>, format: string, compression: string, requestId: string, priority: string,
 *   labels: string }} Typed
 * @type {(query: Query, typed: Typed) => Record<string, unknown>}
 */
export function requestOf(query, { params, format, compression, requestId, priority, labels }) {
  const given = Object.fromEntries(
    query.params
      .map(({ name, type }) => [name, typedValue(type, params[name] ?? "")])
      .filter(([, value]) => value !== undefined),
  );
  const task =
    query.kind === "query"
      ? { type: "read", query: query.name, params: given, format, compression }
      : { type: "update", statement: query.name, params: given };
  return {
    ...(requestId.trim() === "" ? {} : { requestId: requestId.trim() }),
    task,
    priority: Number(priority),
    ...(labels.trim() === "" ? {} : { labels: labelsOf(labels) }),
  };
}

/** "key=value" a line. @param {string} text */
const labelsOf = (text) =>
  Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => {
        const [key = "", value = ""] = line.split(/=(.*)/s);
        return [key.trim(), value.trim()];
      }),
  );

/** Problems by the field that they belong to; those of no field of the form under "".
 * @type {(problems: { field?: string, message?: string }[], fields: readonly string[]) => Map<string, string>} */
export function byField(problems, fields) {
  const found = new Map();
  for (const { field = "", message = "" } of problems) {
    const name = fields.find((one) => one === field) ?? "";
    const text = name === "" ? `${field} ${message}`.trim() : message;
    found.set(name, found.has(name) ? `${found.get(name)} ${text}` : text);
  }
  return found;
}
