/** Actions that apply to selected jobs. */

/** @typedef {import("../types.ts").ListedJob} ListedJob */

/**
 * Returns true if retrying a job may succeed: it was cancelled, or its error is retryable.
 * @param {Pick<ListedJob, "status" | "error">} job
 */
export const isRetryable = ({ status, error }) =>
  status === "CANCELLED" || (status === "FAILED" && error?.retryable === true);

/** Groups selected jobs by the action that applies. @param {ListedJob[]} jobs */
export function groupByAction(jobs) {
  const waiting = jobs.filter(({ status }) => status === "PENDING");
  const running = jobs.filter(({ status }) => status === "IN_PROGRESS");
  const retryable = jobs.filter(isRetryable);
  const finalFailures = jobs.filter((job) => job.status === "FAILED" && !isRetryable(job));
  return { waiting, running, retryable, finalFailures };
}
