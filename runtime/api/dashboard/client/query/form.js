/**
 * Converts between the parameters of a named query, its form, and the request. The API validates values and names each
 * problem with its field.
 * @typedef {import("../../../../queries/file.ts").Param} Param
 * @typedef {import("../../../../queries/file.ts").QueryDescription} Query
 */

/**
 * Fields by parameter type.
 * @type {Record<Param["type"], { input: "input" | "textarea" | "choice", type?: string, step?: string, hint?: string
 * }>}
 */
export const FIELDS = {
  text: { input: "input", type: "text" },
  place: { input: "input", type: "text" },
  date: { input: "input", type: "date" },
  integer: { input: "input", type: "number", step: "1" },
  number: { input: "input", type: "number", step: "any" },
  boolean: { input: "choice" },
  "text[]": { input: "textarea", hint: "one per line" },
};

/** Returns the placeholder of a parameter's field. @param {Param} param */
export const placeholderOf = ({ required, default: value }) =>
  required ? "" : value === null ? "not set" : Array.isArray(value) ? value.join(", ") : String(value);

/**
 * Converts text to a value of the parameter's type; undefined if the field is empty.
 * @type {(type: Param["type"], text: string) => unknown}
 */
export function parseFieldValue(type, text) {
  if (text.trim() === "") return undefined;
  switch (type) {
    case "integer":
    case "number":
      // Invalid numbers are sent as text, so that the API reports them.
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
 * Fields of every request, as text.
 * @typedef {{ format: string, compression: string, requestId: string, priority: string, labels: string }} CommonValues
 * @typedef {CommonValues & { params: Record<string, string> }} FormValues
 */

/** Returns true if a parameter is a port or region, for which the form offers suggestions. @param {Param} param */
export const isPlace = ({ type }) => type === "place";

/** Converts a value of a request to the text of its field. @param {unknown} value */
const textOf = (value) =>
  value === null || value === undefined ? "" : Array.isArray(value) ? value.join("\n") : String(value);

/**
 * Returns the common fields of an earlier job, or their defaults.
 * @param {import("../types.ts").Job | undefined} earlier @returns {CommonValues}
 */
export function commonValuesOf(earlier) {
  const { retryOf: _, ...labels } = earlier?.labels ?? {};
  return {
    format: earlier?.task.format ?? "csv",
    compression: earlier?.task.compression ?? "none",
    requestId: "",
    priority: String(earlier?.priority ?? 4),
    labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join("\n"),
  };
}

/**
 * Returns the form values of an earlier job, or those of an empty form.
 * @type {(query: Query, earlier: import("../types.ts").Job | undefined) => FormValues}
 */
export function formValuesOf(query, earlier) {
  const earlierParams = earlier?.task.params ?? {};
  const params = query.params.flatMap(({ name }) =>
    name in earlierParams ? [[name, textOf(earlierParams[name])]] : [],
  );
  return { ...commonValuesOf(earlier), params: Object.fromEntries(params) };
}

/** Converts the common fields to those of a request. @type {(typed: CommonValues) => Record<string, unknown>} */
export const commonFieldsOf = ({ requestId, priority, labels }) => ({
  ...(requestId.trim() === "" ? {} : { requestId: requestId.trim() }),
  priority: Number(priority),
  ...(labels.trim() === "" ? {} : { labels: labelsOf(labels) }),
});

/** Converts the form to a request. @type {(query: Query, typed: FormValues) => Record<string, unknown>} */
export function requestOf(query, { params, format, compression, ...common }) {
  const values = Object.fromEntries(
    query.params
      .map(({ name, type }) => [name, parseFieldValue(type, params[name] ?? "")])
      .filter(([, value]) => value !== undefined),
  );
  const task =
    query.kind === "query"
      ? { type: "read", query: query.name, params: values, format, compression }
      : { type: "update", statement: query.name, params: values };
  return { ...commonFieldsOf({ format, compression, ...common }), task };
}

/** Returns the problem of a labels field; undefined if each line is empty or of the form key=value. @param {string} text */
export function labelProblem(text) {
  const line = text.split("\n").find((candidate) => candidate.trim() !== "" && candidate.trim().indexOf("=") < 1);
  return line === undefined ? undefined : `"${line.trim()}" must be of the form key=value.`;
}

/** Parses labels, one "key=value" per line. @param {string} text */
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

/**
 * Groups problems by field. The key "" has the problems of fields that are not in the form.
 * @type {(problems: { field?: string, message?: string }[], fields: readonly string[]) => Map<string, string>}
 */
export function groupByField(problems, fields) {
  const texts = new Map();
  for (const { field = "", message = "" } of problems) {
    const name = fields.includes(field) ? field : "";
    const text = name === "" ? `${field} ${message}`.trim() : message;
    texts.set(name, texts.has(name) ? `${texts.get(name)} ${text}` : text);
  }
  return texts;
}

/**
 * Moves the focus to the first invalid field after it is rendered, and opens a closed section around it.
 * @param {HTMLFormElement | null} form
 */
export function focusInvalid(form) {
  requestAnimationFrame(() => {
    const field = /** @type {HTMLElement | null} */ (form?.querySelector("[aria-invalid=true]"));
    field?.closest("details")?.setAttribute("open", "");
    field?.focus();
  });
}
