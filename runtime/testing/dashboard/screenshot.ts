import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { JobError } from "../../contract/errors.ts";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { ROOT } from "../../platform/root.ts";
import { backendOf } from "../../store/backend.ts";
import { claim, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { mochaGlobalSetup, mochaGlobalTeardown } from "../cluster.ts";
import { testPlan } from "../jobs.ts";
import { launchChromium } from "./chromium.ts";
import { createManyJobs } from "./manyJobs.ts";
import { dashboardFor } from "./page.ts";

/**
 * `node runtime/testing/dashboard/screenshot.ts`: creates docs/images/dashboard.png, the README's image, from a
 * dashboard with generated jobs. Needs a Chromium.
 */
const FILE = join(ROOT, "docs/images/dashboard.png");
const SIZE = { width: 1_280, height: 1_000 };
/** Number of jobs of the last hour: one every EVERY_MS milliseconds. */
const JOBS = 1_200;
const EVERY_MS = 3_000;
const NAMES = [
  "average-rates-asia-europe",
  "export-2021-q1",
  "coverage-north-sea",
  "history-shanghai-rotterdam",
  "average-rates-usa",
];
const RUNNING = 3;

/** Messages of the failed jobs by error type. */
const MESSAGES = Object.fromEntries(
  [
    new JobError("InvalidRows", { count: 12, rows: 48_000 }),
    new JobError("TimedOut", { timeoutSeconds: 900, maximum: 14_400 }),
    new JobError("InvalidSql", { reason: "division by zero" }),
  ].map(({ code, message }) => [code, message]),
);

await mochaGlobalSetup();
const browser = await launchChromium();
assert(browser, "there is no Chromium on the PATH, and CHROMIUM names none");
const p = await dashboardFor(browser, { runners: { glue: { slots: RUNNING }, ec2: { slots: 2 } } });
await createManyJobs(p.admin, JOBS, EVERY_MS);
await p.admin.query(
  `update jobs.jobs set request_id = replace(request_id, 'many-', 'rates-2021-'),
     error = case when error is null then null else error || jsonb_build_object('message', $1::jsonb ->> (error ->> 'type')) end,
     stats = stats || jsonb_build_object('queueMs', 40 + id * 7919 % 400, 'executionMs', 120 + (id * 104729 % 900) * (1 + id % 3))`,
  [JSON.stringify(MESSAGES)],
);
await p.admin.query(
  `update tracking.documents d set request_id = n.id,
     document = d.document || jsonb_build_object('requestId', n.id)
       || case when d.error_type is null then '{}' else jsonb_build_object('error', (d.document -> 'error') || jsonb_build_object('message', $1::jsonb ->> d.error_type)) end
   from (select request_id as old, replace(request_id, 'many-', 'rates-2021-') as id from tracking.documents) n where n.old = d.request_id`,
  [JSON.stringify(MESSAGES)],
);

const token = await p.token("admin");
const headers = { authorization: `Bearer ${token}` };
for (const requestId of NAMES) {
  const task = { type: "read", query: "price_export", params: {}, format: "csv" };
  const response = await p.app.inject({ method: "POST", url: "/jobs", headers, payload: { requestId, task } });
  assert.equal(response.statusCode, 202, response.body);
}
const keeper = await p.role("job_keeper");
for (const [index, run] of (await planRuns(p.context.db, testPlan("glue", RUNNING))).entries()) {
  await runStarted(keeper, run);
  const job = await claim(keeper, run, await backendOf(keeper), undefined);
  assert(job);
  const progress = { rows: 412_000 * (index + 1), bytes: 9_000_000, estimatedRows: 1_900_000 };
  await p.admin.query(
    "update jobs.jobs set progress = $2, version = version + 1, changed = pg_current_xact_id() where request_id = $1",
    [job.requestId, JSON.stringify(progress)],
  );
}
await syncTracking(p.context);

const page = await p.open(token, "#/", { viewport: SIZE, colorScheme: "light" });
await page.getByRole("region", { name: "Failing now" }).getByRole("link").nth(3).waitFor();
await page
  .getByRole("meter", { name: /Progress of/ })
  .nth(RUNNING - 1)
  .waitFor();
await page.locator(".plot canvas").nth(2).waitFor();
mkdirSync(join(ROOT, "docs/images"), { recursive: true });
await page.screenshot({ path: FILE });
await browser.close();
await p.close();
await mochaGlobalTeardown();
