import { useRef, useState } from "preact/hooks";
import { requestJson } from "../http.js";
import { rememberFocus } from "../ui/focus.js";
import { checkBeforeSubmit, MAX_WAIT_SECONDS, problemsOf } from "./check.js";

const UNESTIMATED = `Submitted without an estimate, which took more than ${MAX_WAIT_SECONDS} s.`;
const CHANGED = "The request was not accepted, and the form has changed since. Run it again.";

/**
 * Submits the request of a form: validates it, asks for confirmation if needed, and creates the job. The form can be
 * edited meanwhile, which does not change the submitted request.
 * @param {{
 *   body: Record<string, unknown>,
 *   check: import("./check.js").Check,
 *   confirm?: (before: import("./check.js").PreCheck) => Promise<boolean>,
 *   onSubmitted: (id: import("./query.js").JobId) => void,
 *   onRefused: (problems: import("./check.js").Problem[], isChanged: boolean) => void,
 * }} form `onRefused` is called with the problems, and whether the form was changed meanwhile
 * @returns {{ problems: import("./check.js").Problem[], isBusy: boolean, note: string, submit: () => Promise<void> }}
 * `problems` are those of the current request, if it was refused
 */
export function useSubmission({ body, check, confirm, onSubmitted, onRefused }) {
  const key = JSON.stringify(body);
  const latest = useRef(key);
  latest.current = key;
  const [state, setState] = useState(
    /** @type {{ key: string, problems: import("./check.js").Problem[], isBusy: boolean, note: string }} */ (IDLE),
  );
  const isRunning = useRef(false);
  const submitOnce = async () => {
    setState({ ...IDLE, isBusy: true });
    const before = await checkBeforeSubmit(body, check);
    let { problems } = before;
    if (problems.length === 0) {
      // Enables the button, so that it can receive the focus again when the dialog closes.
      setState(IDLE);
      if (confirm && !(await confirm(before))) return;
      setState({ ...IDLE, isBusy: true });
      try {
        onSubmitted(await requestJson("jobs", { method: "POST", body }));
        setState({ ...IDLE, note: before.isLate ? UNESTIMATED : "" });
        return;
      } catch (error) {
        problems = problemsOf(error);
      }
    }
    const isChanged = latest.current !== key;
    setState({ key, problems, isBusy: false, note: isChanged ? CHANGED : "" });
    onRefused(problems, isChanged);
  };
  const submit = async () => {
    // A second press may arrive before the button is rendered as disabled.
    if (isRunning.current) return;
    isRunning.current = true;
    const refocus = rememberFocus();
    await submitOnce().finally(() => {
      isRunning.current = false;
      refocus();
    });
  };
  return { ...state, problems: state.key === key ? state.problems : [], submit };
}

const IDLE = { key: "", problems: [], isBusy: false, note: "" };
