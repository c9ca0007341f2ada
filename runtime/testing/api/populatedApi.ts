import assert from "node:assert/strict";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { JobError } from "../../contract/errors.ts";
import { syncRejected } from "../../dispatcher/syncRejected.ts";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { backendOf } from "../../store/backend.ts";
import { claim, type Ending, finish, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { createToken } from "../../store/tokens.ts";
import { testPlan } from "../jobs.ts";
import { testApi } from "./api.ts";
import type { Fixtures } from "./validRequests.ts";

/** Text in the requests and results of acme's jobs. */
export const SECRET = "secret-of-acme";
const CSV = `n\n${SECRET}\n2\n`;

/** Creates an API with jobs of the tenant acme in every state, an upload, a rejected request and a token. */
export async function populatedApi(settings: Record<string, object> = {}) {
  const api = await testApi(settings);
  const acme = await api.as("acme");
  const post = async (url: string, payload: object = {}) => {
    const response = await api.app.inject({ method: "POST", url, payload, headers: acme });
    assert(response.statusCode < 300, response.body);
    return response.json();
  };
  const keeper = await api.role("job_keeper");
  let run = "";
  const submit = (requestId: string, format = "json") =>
    post("/jobs", {
      requestId,
      labels: { of: SECRET },
      task: { type: "read", sql: `select '${SECRET}' as n`, format },
    });
  /** Submits a job that a run claims at once and ends with the given outcome; with undefined it keeps running. */
  const runJob = async (requestId: string, format: string, ending: Partial<Ending> | undefined) => {
    await submit(requestId, format);
    if (run === "") {
      [run = ""] = await planRuns(api.context.db, testPlan("glue", 1));
      await runStarted(keeper, run);
    }
    const job = await claim(keeper, run, await backendOf(keeper), undefined);
    assert.equal(job?.requestId, requestId);
    if (ending) await finish(keeper, job, { rows: 2, bytes: 9, peakMemoryBytes: 1, ...ending } as Ending);
  };
  const succeeded = (result: object) =>
    ({ status: "SUCCEEDED", result: JSON.stringify({ rows: 2, ...result }) }) as const;
  const stored = { compression: "none", bytes: CSV.length, sha256: "x" };

  await runJob("ended", "json", succeeded({ inline: [{ n: SECRET }, { n: 2 }], format: "json" }));
  await api.s3.send(new PutObjectCommand({ Bucket: "results", Key: "large.csv", Body: CSV }));
  await runJob("large", "csv", succeeded({ location: "s3://results/large.csv", format: "csv", ...stored }));
  await runJob("gone", "csv", succeeded({ location: "s3://results/none.csv", format: "csv", ...stored }));
  const badRow = { line: 2, column: "price", value: SECRET, reason: "must be a whole number above 0" };
  const error = new JobError("InvalidRows", { count: 1, rows: 2 }, { details: [badRow] }).body();
  await runJob("failed", "csv", { status: "FAILED", error });
  // Jobs with more bad rows than their error lists.
  const report = "line,column,value,reason\n2,price,0,no\n";
  await api.s3.send(new PutObjectCommand({ Bucket: "results", Key: "report.csv", Body: report }));
  const refused = (location: string) => {
    const pointer = { location, format: "csv", compression: "none", rows: 1, bytes: report.length, sha256: "x" };
    const details = [badRow, { more: 1, report: pointer }];
    return { status: "FAILED", error: new JobError("InvalidRows", { count: 2, rows: 2 }, { details }).body() } as const;
  };
  await runJob("refused", "csv", refused("s3://results/report.csv"));
  await runJob("refused-gone", "csv", refused("s3://results/none.csv"));
  await runJob("running", "csv", undefined);
  for (const requestId of ["cancelled", "waiting"]) await submit(requestId);
  await post("/jobs/cancelled/cancel");
  const upload = await post("/uploads", { fileName: `${SECRET}.csv`, bytes: 9 });
  const put = await fetch(upload.parts[0].url, { method: "PUT", body: `${SECRET}` });
  const rejected = await api.app.inject({
    method: "POST",
    url: "/jobs",
    payload: { requestId: "rejected", priority: SECRET, task: {} },
    headers: acme,
  });
  assert.equal(rejected.statusCode, 400);
  const { rows: rejectedRows } = await api.admin.query("select id from jobs.rejected");
  await syncTracking(api.context);
  await syncRejected(api.context);

  const { id: token } = await createToken(api.admin, { name: SECRET, tenant: "acme", scopes: ["read"] });
  const { path } = await post("/session-links");
  const known: Fixtures = {
    code: path.split("/").at(-1),
    ...{ waiting: "waiting", cancelled: "cancelled", ended: "ended", token, rejected: rejectedRows[0].id },
    ...{ upload: upload.id, parts: [{ partNumber: 1, etag: String(put.headers.get("etag")) }] },
  };
  return { ...api, acme, known };
}
