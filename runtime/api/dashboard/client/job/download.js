import { ask, jobPath, send } from "../http.js";

/**
 * Has the browser save what a job left: what lies in S3 by its link, which says whose it is by itself; the rest through the
 * page, which has the token.
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
