import { counted, taskName } from "../format.js";
import { jobPath, send } from "../http.js";
import { confirmedWithReason } from "../ui/confirm.js";

/**
 * Cancels a job after a confirmation that shows its progress and asks for an optional reason.
 * @param {import("../types.ts").Job} job
 * @returns {Promise<boolean>} false if the user does not confirm
 */
export async function cancelJob(job) {
  const { status, task, progress, requestId } = job;
  const isWaiting = status === "PENDING";
  const body = await confirmedWithReason({
    title: `Cancel ${requestId}?`,
    lines: [
      isWaiting
        ? `${taskName(task)} has not started and will not run.`
        : `${counted(progress.rows, "row")} processed so far. ${task.type === "update" ? "Nothing will be changed." : "There will be no result."}`,
    ],
    action: "Cancel job",
    isDanger: true,
  });
  if (body === undefined) return false;
  await send(jobPath(job, "/cancel"), { method: "POST", body });
  return true;
}
