import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, dateTime } from "../format.js";
import { ApiError, errorMessage, jobPath, requestJson } from "../http.js";
import { useEarlierJob } from "../query/query.js";
import { Run } from "../query/run.js";
import { caller, missingScope, PAGE_SCOPES } from "../session.js";
import { Failure, Meter, MissingScope, Panel } from "../ui/components.js";
import { confirmed } from "../ui/confirm.js";
import { rememberFocus } from "../ui/focus.js";
import { effectOf, repeatEffectOf } from "./effects.js";
import { FileField } from "./fileField.js";
import { fileProblem, formatOf } from "./files.js";
import { loadIdOf, sha256Of, uploadFile } from "./upload.js";

/** @typedef {import("../types.ts").Job} Job */
/** @typedef {{ tenant: string, requestId: string }} JobId */

const TARGETS = ["prices", "ports", "regions"];
const MODES = {
  append: "append: add the rows",
  replace: "replace: first delete the lanes and days in the file",
};

/** The user does not want to load the same content again. */
const DECLINED = Symbol("declined");

/** Page for loading a file: first a dry run, which changes nothing, then the load. @param {{ again: string }} props */
export function Load({ again }) {
  const earlier = useEarlierJob(again);
  const isReady = !earlier.isStale && (earlier.data !== undefined || earlier.error !== "");
  const missing = missingScope(PAGE_SCOPES.load);
  if (missing)
    return html`<div class="page-head"><h1 tabindex="-1">Load</h1></div><${MissingScope} scope=${missing} />`;
  return html`
    <div class="page-head"><h1 tabindex="-1">Load</h1></div>
    ${earlier.error && html`<${Failure}>${earlier.error}<//>`}
    ${isReady && html`<${LoadForm} earlier=${earlier.data?.job} />`}
  `;
}

/** @param {{ earlier: Job | undefined }} props */
function LoadForm({ earlier }) {
  const [target, setTarget] = useState(/** @type {string} */ (earlier?.task.target ?? "prices"));
  const [mode, setMode] = useState(/** @type {string} */ (earlier?.task.mode ?? "append"));
  const [file, setFile] = useState(/** @type {File | undefined} */ (undefined));
  const [sentBytes, setSentBytes] = useState(/** @type {number | undefined} */ (undefined));
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [run, setRun] = useState(/** @type {{ id: JobId, isDry: boolean } | undefined} */ (undefined));
  const [isChecked, setChecked] = useState(false);
  const [hasBadRows, setBadRows] = useState(false);
  const uploaded = useRef(
    /** @type {{ file: File, sha256: string | undefined, location: string } | undefined} */ (undefined),
  );
  const controller = useRef(new AbortController());
  useEffect(() => () => controller.current.abort(), []);

  const problem = file ? fileProblem(file) : "";
  const format = file && formatOf(file.name);
  const reset = () => {
    setRun(undefined);
    setChecked(false);
    setBadRows(false);
    setError("");
  };

  /** Uploads a file, once for both dry run and load. @param {File} chosen */
  const upload = async (chosen) => {
    if (uploaded.current?.file === chosen) return uploaded.current;
    // From now on the upload can be cancelled, also while the file is hashed.
    setSentBytes(0);
    try {
      const sha256 = await sha256Of(chosen);
      const location = await uploadFile(chosen, sha256, setSentBytes, controller.current.signal);
      uploaded.current = { file: chosen, sha256, location };
      return uploaded.current;
    } finally {
      setSentBytes(undefined);
    }
  };

  /** @param {boolean} dryRun */
  const load = async (dryRun) => {
    if (!file || !format || problem) return;
    const refocus = rememberFocus();
    if (!dryRun && !(await confirmed(confirmationOf(file, target, mode, isChecked)))) return;
    setError("");
    setRun(undefined);
    controller.current = new AbortController();
    const { signal } = controller.current;
    // The fields are disabled meanwhile, so that the result belongs to what they show.
    setBusy(true);
    try {
      const { sha256, location } = await upload(file);
      const task = { type: "update", target, mode, source: { s3: location }, ...format, dryRun };
      const requestId =
        dryRun || sha256 === undefined
          ? undefined
          : await loadIdFor(await loadIdOf(sha256, { ...format, target, mode }), target, mode);
      // The page may have been left meanwhile.
      signal.throwIfAborted();
      if (requestId !== DECLINED) {
        const labels = { file: file.name.slice(0, 256) };
        const body = { ...(requestId ? { requestId } : {}), task, labels };
        setRun({ id: await requestJson("jobs", { method: "POST", body }), isDry: dryRun });
      }
    } catch (thrown) {
      if (!signal.aborted) setError(errorMessage(thrown));
    }
    setBusy(false);
    refocus();
  };

  /** @param {Job} job */
  const onEnded = (job) => {
    if (run?.isDry && job.status === "SUCCEEDED") setChecked(true);
    setBadRows(job.error?.type === "InvalidRows");
  };

  return html`
    <${Panel} title="Load a file">
      <p class="dim">All rows are loaded or none. A dry run checks every row and changes nothing.${earlier && " Choose the corrected file."}</p>
      <form onSubmit=${(/** @type {SubmitEvent} */ event) => event.preventDefault()} noValidate>
        <${FileField}
          file=${file}
          problem=${problem}
          isDisabled=${isBusy}
          choose=${(/** @type {File} */ chosen) => {
            reset();
            setFile(chosen);
          }}
        />
        <div class="fields">
          <div class="field">
            <label for="load-target">Target</label>
            <select
              id="load-target"
              value=${target}
              disabled=${isBusy}
              onChange=${(/** @type {Event} */ { currentTarget }) => {
                reset();
                setTarget(/** @type {HTMLSelectElement} */ (currentTarget).value);
              }}
            >
              ${TARGETS.map((value) => html`<option value=${value}>${value}</option>`)}
            </select>
            <p class="dim small">${target === "prices" ? "Columns: orig_code, dest_code, day, price." : effectOf(target, mode)}</p>
          </div>
          ${
            target === "prices" &&
            html`
              <div class="field">
                <label for="load-mode">Mode</label>
                <select
                  id="load-mode"
                  value=${mode}
                  disabled=${isBusy}
                  onChange=${(/** @type {Event} */ { currentTarget }) => {
                    reset();
                    setMode(/** @type {HTMLSelectElement} */ (currentTarget).value);
                  }}
                >
                  ${Object.entries(MODES).map(([value, label]) => html`<option value=${value}>${label}</option>`)}
                </select>
              </div>
            `
          }
        </div>
        ${error && html`<${Failure}>${error}<//>`}
        <p role="status" class="dim">${hasBadRows && "Nothing was changed. Fix the rows listed below in the file, then choose it again."}</p>
        <div class="actions">
          <button type="button" class=${isChecked ? "" : "primary"} disabled=${!file || problem !== "" || isBusy} onClick=${() => load(true)}>Dry run</button>
          <button type="button" class=${isChecked ? "primary" : ""} disabled=${!file || problem !== "" || isBusy} onClick=${() => load(false)}>Load</button>
          ${
            sentBytes !== undefined &&
            file &&
            html`
              <span class="upload-progress">
                <span class="dim small" role="status">Uploading ${bytes(sentBytes)} of ${bytes(file.size)}</span>
                <${Meter} label="Upload" value=${sentBytes} max=${file.size} />
              </span>
              <button type="button" onClick=${() => controller.current.abort()}>Cancel upload</button>
            `
          }
        </div>
      </form>
    <//>
    ${run && html`<${Run} key=${`${run.id.tenant}/${run.id.requestId}`} id=${run.id} onEnded=${onEnded} />`}
  `;
}

/** @type {(file: File, target: string, mode: string, isChecked: boolean) => import("../ui/confirm.js").Question} */
const confirmationOf = (file, target, mode, isChecked) => ({
  title: html`Load <bdi>${file.name}</bdi> into ${target}?`,
  lines: [
    `${bytes(file.size)}, ${isChecked ? "validated by a dry run" : "not yet validated by a dry run"}.`,
    effectOf(target, mode),
  ],
  action: "Load",
});

/** Maximum number of retries of a load whose ids are derived from its content, as in `rates load`. */
const MAX_RETRIES = 100;

/**
 * Returns the id for a load: the given one or, if its job failed or was cancelled, that of its next retry. If a job of the
 * same content succeeded or has not ended, asks the user whether to load the content again.
 * @param {string} firstId
 * @param {string} target
 * @param {string} mode
 * @returns {Promise<string | undefined | typeof DECLINED>} undefined: use a random id
 */
async function loadIdFor(firstId, target, mode) {
  for (let number = 0; number <= MAX_RETRIES; number++) {
    const requestId = number === 0 ? firstId : `${firstId}.retry-${number}`;
    const job = await existingJob(requestId);
    if (job === undefined) return requestId;
    if (job.status === "FAILED" || job.status === "CANCELLED") continue;
    const isConfirmed = await confirmed({
      title: "Load the same content again?",
      lines: [
        `The same content was ${job.finishedAt ? `loaded by ${requestId} at ${dateTime(job.finishedAt)}` : `submitted as ${requestId}, which has not ended yet`}.`,
        repeatEffectOf(target, mode),
      ],
      action: "Load again",
      isDanger: target === "prices",
    });
    return isConfirmed ? undefined : DECLINED;
  }
  return undefined;
}

/** Returns the caller's job with an id; undefined if there is none. @param {string} requestId */
async function existingJob(requestId) {
  try {
    /** @type {Job} */
    const job = await requestJson(jobPath({ tenant: caller.value?.tenant ?? "", requestId }));
    return job;
  } catch (error) {
    if (error instanceof ApiError && error.type === "UnknownJob") return undefined;
    throw error;
  }
}
