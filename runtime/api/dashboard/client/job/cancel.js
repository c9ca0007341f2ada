import { counted, whatOf } from "../format.js";
import { jobPath, send } from "../http.js";
import { confirmedWithReason } from "../ui/confirm.js";

/**
 * Cancels a job after a confirmation with its progress, with an optional reason.
 * @param {import("../types.ts").Job} job
 * @returns {Promise<boolean>} false if the user keeps it
 */
export async function cancelJob(job) {
  const { status, task, progress, requestId } = job;
  const isWaiting = status === "PENDING";
  const body = await confirmedWithReason({
    title: `Cancel ${requestId}?`,
    lines: [
      isWaiting
        ? `${whatOf(task)} has not started and will not run.`
        : `${counted(progress.rows, "row")} processed so far. ${task.type === "update" ? "No change will be in the database." : "There will be no result."}`,
    ],
    action: "Cancel job",
    isDanger: true,
  });
  if (body === undefined) return false;
  await send(jobPath(job, "/cancel"), { method: "POST", body });
  return true;
}
