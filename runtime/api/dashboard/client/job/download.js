import { ask, jobPath, send } from "../http.js";

/**
 * Downloads a job's result or report: from S3 by a presigned link, otherwise through the page's session.
 * @param {import("../types.ts").Job} job
 * @param {"result" | "report"} what
 * @param {{ isStored: boolean, extension: string }} how
 */
export async function download(job, what, { isStored, extension }) {
  const path = jobPath(job, `/${what}`, { delivery: "link" });
  if (isStored) {
    /** @type {{ location: string }} */
    const { location: link } = await ask(path);
    location.assign(link);
    return;
  }
  const blob = await (await send(path)).blob();
  const url = URL.createObjectURL(blob);
  const name = `${job.requestId.replace(/[^\w.-]/g, "_")}.${extension}`;
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
