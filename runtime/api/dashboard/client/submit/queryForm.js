import { html } from "htm/preact";
import { useRef, useState } from "preact/hooks";
import { bytes, counted, RUNNER_WORDS } from "../format.js";
import { ask, errorText, RequestFailed } from "../http.js";
import { formatRoute } from "../route.js";
import { Failure, Panel } from "../ui/parts.js";
import { Field, ParamField } from "./fields.js";
import { byField, requestOf } from "./form.js";

const PRIORITIES = Array.from({ length: 10 }, (_, index) => String(index));

/** A form made from a named query's header. @param {{ query: import("./form.js").Query }} props */
export function QueryForm({ query }) {
  const [typed, setTyped] = useState(
    /** @type {import("./form.js").Typed} */ ({
      params: {},
      format: "csv",
      compression: "none",
      requestId: "",
      priority: "4",
      labels: "",
    }),
  );
  const [problems, setProblems] = useState(/** @type {Map<string, string>} */ (new Map()));
  const [explained, setExplained] = useState(/** @type {import("../types.ts").Explained | undefined} */ (undefined));
  const [busy, setBusy] = useState(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const fields = [...query.params.map(({ name }) => `task.params.${name}`), "requestId", "labels"];

  /** @param {() => Promise<void>} act */
  const doing = async (act) => {
    setBusy(true);
    setProblems(new Map());
    try {
      await act();
    } catch (error) {
      const listed = error instanceof RequestFailed ? error.problems : [];
      setProblems(listed.length > 0 ? byField(listed, fields) : new Map([["", errorText(error)]]));
      requestAnimationFrame(() =>
        /** @type {HTMLElement | null} */ (form.current?.querySelector("[aria-invalid]"))?.focus(),
      );
    }
    setBusy(false);
  };
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    return doing(async () => {
      /** @type {{ tenant: string, requestId: string }} */
      const { tenant, requestId } = await ask("jobs", { method: "POST", body: requestOf(query, typed) });
      location.hash = formatRoute({ page: "job", tenant, requestId });
    });
  };
  const explain = () =>
    doing(async () => {
      const { requestId: _, ...body } = requestOf(query, typed);
      setExplained(await ask("explain", { method: "POST", body }));
    });
  /** @param {Partial<import("./form.js").Typed>} change */
  const change = (change) => {
    setTyped({ ...typed, ...change });
    setExplained(undefined);
  };
  /** @type {(name: keyof import("./form.js").Typed) => (event: Event) => void} */
  const typing = (name) => (event) => change({ [name]: /** @type {HTMLInputElement} */ (event.currentTarget).value });
  /** @type {(name: "format" | "compression" | "priority", values: string[]) => (given: object) => unknown} */
  const choice = (name, values) => (given) =>
    html`
    <select ...${given} value=${typed[name]} onChange=${typing(name)}>
      ${values.map((value) => html`<option value=${value}>${value}</option>`)}
    </select>
  `;

  return html`
    <${Panel} title=${query.name}>
      <p class="dim">${query.description}</p>
      <form ref=${form} onSubmit=${submit} noValidate>
        ${problems.get("") && html`<${Failure}>${problems.get("")}<//>`}
        <div class="fields">
          ${query.params.map(
            (param) => html`
              <${ParamField}
                key=${param.name}
                param=${param}
                value=${typed.params[param.name] ?? ""}
                problem=${problems.get(`task.params.${param.name}`)}
                change=${(/** @type {string} */ value) => change({ params: { ...typed.params, [param.name]: value } })}
              />
            `,
          )}
        </div>
        ${
          query.kind === "query" &&
          html`
            <div class="fields">
              <${Field} id="format" name="Format" required>${choice("format", ["csv", "ndjson", "json"])}<//>
              <${Field} id="compression" name="Compression" required>${choice("compression", ["none", "gzip"])}<//>
            </div>
          `
        }
        <details class="more-fields">
          <summary>Name, priority and labels</summary>
          <div class="fields">
            <${Field} id="request-id" name="Request id" help="Yours, and unique; one is made if it is left empty." problem=${problems.get("requestId")}>
              ${(/** @type {object} */ given) => html`<input ...${given} type="text" value=${typed.requestId} autocomplete="off" spellcheck=${false} onInput=${typing("requestId")} />`}
            <//>
            <${Field} id="priority" name="Priority" help="9 goes first; a waiting job gains a point a minute." required>
              ${choice("priority", PRIORITIES)}
            <//>
            <${Field} id="labels" name="Labels" help="key=value, one a line" problem=${problems.get("labels")}>
              ${(/** @type {object} */ given) => html`<textarea ...${given} rows="2" value=${typed.labels} onInput=${typing("labels")}></textarea>`}
            <//>
          </div>
        </details>
        <div class="actions">
          <button type="submit" class="primary" disabled=${busy}>${query.kind === "query" ? "Submit" : "Submit the change"}</button>
          ${query.kind === "query" && html`<button type="button" disabled=${busy} onClick=${explain}>Estimate</button>`}
        </div>
        <p role="status" class="estimate">${explained && estimateOf(explained)}</p>
      </form>
    <//>
  `;
}

/** @param {import("../types.ts").Explained} explained */
const estimateOf = ({ route, room, estimatedRows, estimatedBytes }) =>
  `About ${counted(estimatedRows, "row")}, ${bytes(estimatedBytes)}; it would run on ${RUNNER_WORDS[route]}, ${
    room.now
      ? "at once"
      : room.waiting === undefined
        ? "when a run is free"
        : `after ${counted(room.waiting, "other")} (${room.running} of ${room.slots} runs are taken)`
  }.`;
