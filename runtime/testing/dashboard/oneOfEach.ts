import assert from "node:assert/strict";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { JobError } from "../../contract/errors.ts";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { backendOf } from "../../store/backend.ts";
import { claim, finish, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { testPlan } from "../jobs.ts";
import type { dashboardFor } from "./page.ts";

/** The bad row that the error of the failed job lists. */
export const FAULT = { line: 2, column: "price", value: "-5", reason: "must be a whole number above 0" };
/** The report of the failed job, as the runner stores it. */
export const REPORT = `line,column,value,reason\n${Object.values(FAULT).join()}\n`;
const FURTHER_ROWS = { more: 1_799, report: { location: "s3://results/report.csv", bytes: REPORT.length } };

/** Creates the jobs `good` (its result has text that looks like markup), `bad`, `running` and `waiting`. */
export async function oneOfEach(
  p: Awaited<ReturnType<typeof dashboardFor>>,
  submit: (requestId: string) => Promise<void>,
): Promise<void> {
  for (const requestId of ["good", "bad", "running", "waiting"]) await submit(requestId);
  const keeper = await p.role("job_keeper");
  const [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
  await runStarted(keeper, run);
  const claimNext = async () => {
    const job = await claim(keeper, run, await backendOf(keeper), undefined);
    assert(job);
    return job;
  };
  const inline = `orig_code,days\nAEJEA,3\n<img src=x onerror=alert(1)>,4\n`;
  const result = JSON.stringify({ inline, format: "csv", rows: 2 });
  const ended = { rows: 2, bytes: inline.length, peakMemoryBytes: 60_000_000 };
  await finish(keeper, await claimNext(), { status: "SUCCEEDED", result, ...ended });
  await p.s3.send(new PutObjectCommand({ Bucket: "results", Key: "report.csv", Body: REPORT }));
  const error = new JobError("InvalidRows", { count: 1, rows: 2 }, { details: [FAULT, FURTHER_ROWS] }).body();
  await finish(keeper, await claimNext(), { status: "FAILED", error, ...ended });
  await claimNext();
  await syncTracking(p.context);
}
