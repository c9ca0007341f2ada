/** What can be done to chosen jobs together. */

/** @typedef {import("../types.ts").ListedJob} ListedJob */

/** Whether a job can be submitted again with some chance: one that was cancelled, or failed for a reason that may pass.
 * @param {Pick<ListedJob, "status" | "error">} job */
export const mayPass = ({ status, error }) =>
  status === "CANCELLED" || (status === "FAILED" && error?.retryable === true);

/** Chosen jobs by what can be done to them. @param {ListedJob[]} jobs */
export function bulkOf(jobs) {
  const waiting = jobs.filter(({ status }) => status === "PENDING");
  const running = jobs.filter(({ status }) => status === "IN_PROGRESS");
  const retryable = jobs.filter(mayPass);
  const hopeless = jobs.filter((job) => job.status === "FAILED" && !mayPass(job));
  return { waiting, running, retryable, hopeless };
}
