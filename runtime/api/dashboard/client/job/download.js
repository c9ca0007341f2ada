import { jobPath, requestJson, send } from "../http.js";

/**
 * Downloads a job's result or report: from S3 by a presigned link, otherwise from the API.
 * @param {import("../types.ts").Job} job
 * @param {"result" | "report"} artifact
 * @param {{ isStored: boolean, extension: string }} options `isStored`: the artifact is in S3
 */
export async function download(job, artifact, { isStored, extension }) {
  const path = jobPath(job, `/${artifact}`, { delivery: "link" });
  if (isStored) {
    /** @type {{ location: string }} */
    const { location: link } = await requestJson(path);
    location.assign(link);
    return;
  }
  const blob = await (await send(path)).blob();
  const url = URL.createObjectURL(blob);
  const name = `${job.requestId.replace(/[^\w.-]/g, "_")}.${extension}`;
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
