import { counted, whatOf } from "../format.js";
import { jobPath, send } from "../http.js";
import { confirmed } from "../ui/confirm.js";

/**
 * Cancels a job after a confirmation with its progress.
 * @param {import("../types.ts").Job} job
 * @returns {Promise<boolean>} false if the user keeps it
 */
export async function cancelJob(job) {
  const { status, task, progress, requestId } = job;
  const isWaiting = status === "PENDING";
  const isConfirmed = await confirmed({
    title: `Cancel ${requestId}?`,
    lines: [
      isWaiting
        ? `${whatOf(task)} has not started and will not run.`
        : `${counted(progress.rows, "row")} processed so far. ${task.type === "update" ? "No change will be in the database." : "There will be no result."}`,
    ],
    action: "Cancel job",
    isDanger: true,
  });
  if (isConfirmed) await send(jobPath(job, "/cancel"), { method: "POST" });
  return isConfirmed;
}
