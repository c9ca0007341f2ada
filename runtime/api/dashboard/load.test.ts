import assert from "node:assert/strict";
import type { Page } from "playwright";
import { JobError } from "../../contract/errors.ts";
import { backendOf } from "../../store/backend.ts";
import { claim, finish, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { expect } from "../../testing/dashboard/expect.ts";
import { dashboardSuite, jobAt } from "../../testing/dashboard/fixture.ts";
import { accessibilityViolations, overflowOf } from "../../testing/dashboard/page.ts";
import { testPlan } from "../../testing/jobs.ts";

const CSV = "orig_code,dest_code,day,price\nCNSGH,NLRTM,2021-01-01,-5\n";
const FAULT = { line: 2, column: "price", value: "-5", reason: "must be a whole number above 0, written in digits" };

describe("loading a file in the dashboard", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } });
  const open = (hash = "#/load") => suite.p.open(suite.token, hash, { viewport: { width: 360, height: 800 } });
  const choose = (page: Page, text: string, name = "prices.csv") =>
    page.getByLabel("File", { exact: true }).setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });

  /**
   * Claims the waiting load and ends it: with a number of rows or, without one, with an error.
   * @returns The task of the load.
   */
  const endNext = async (rows?: number) => {
    const { p } = suite;
    const keeper = await p.role("job_keeper");
    const [run = ""] = await planRuns(p.context.db, testPlan("ec2", 1));
    await runStarted(keeper, run);
    const job = await claim(keeper, run, await backendOf(keeper), undefined);
    assert(job);
    const totals = { rows: rows ?? 0, bytes: 0, peakMemoryBytes: 1 };
    if (rows === undefined) {
      const error = new JobError("InvalidRows", { count: 1, rows: 1 }, { details: [FAULT] }).body();
      await finish(keeper, job, { status: "FAILED", error, ...totals });
    } else
      await finish(keeper, job, { status: "SUCCEEDED", result: JSON.stringify({ rows, format: "json" }), ...totals });
    await p.admin.query("delete from jobs.runs");
    return job.task as { dryRun: boolean; target: string; mode: string; source: { s3: string } };
  };

  it("shows the problem of a file before it is uploaded", async () => {
    const page = await open();
    await choose(page, "x", "prices.xlsx");
    await page.getByText("The file's name must end in .csv, .ndjson or .jsonl, optionally followed by .gz.").waitFor();
    for (const name of ["Dry run", "Load"])
      await expect(page.getByRole("button", { name, exact: true })).toBeDisabled();
    await choose(page, "");
    await page.getByText("The file is empty.").waitFor();
  });

  it("accepts a dropped file, validates it in a dry run, shows bad rows in a narrow window, then loads the corrected one", async () => {
    const page = await open();
    await page.evaluate(`{
      const data = new DataTransfer();
      data.items.add(new File([${JSON.stringify(CSV)}], "prices.csv", { type: "text/csv" }));
      document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }`);
    await expect(page.getByLabel("First lines of the file")).toHaveText(/^orig_code,dest_code,day,price/);
    await page.getByRole("button", { name: "Dry run" }).focus();
    await page.keyboard.press("Enter");
    await page
      .locator(".run")
      .getByText(/^Waiting for an EC2 run/)
      .waitFor();
    // The button is disabled during the upload; then the keyboard focus returns to it.
    await expect(page.getByRole("button", { name: "Dry run" })).toBeFocused();
    const dry = await endNext();
    assert.deepEqual([dry.dryRun, dry.target, dry.mode], [true, "prices", "append"]);
    const reason = page.getByRole("cell", { name: FAULT.reason });
    await reason.waitFor();
    await page.getByText("Fix the rows listed below in the file, then choose it again.").waitFor();
    const box = await reason.boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= 360, JSON.stringify(box));
    assert.deepEqual([await accessibilityViolations(page), await overflowOf(page)], [[], 0]);

    await choose(page, CSV.replace("-5", "5"));
    await page.getByRole("button", { name: "Dry run" }).click();
    await page
      .locator(".run")
      .getByText(/^Waiting for an EC2 run/)
      .waitFor();
    const { source } = await endNext(1);
    await page.getByText("Dry run: 1 row valid, nothing changed.").waitFor();
    await page.getByRole("button", { name: "Load", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("validated by a dry run.").waitFor();
    await dialog.getByRole("button", { name: "Load" }).click();
    await page
      .locator(".run")
      .getByText(/^Waiting for an EC2 run/)
      .waitFor();
    await expect(page.getByRole("button", { name: "Load", exact: true })).toBeFocused();
    const task = await endNext(1);
    assert.deepEqual([task.dryRun, task.source.s3], [false, source.s3], "the file was uploaded once");
    await page.getByText("1 row loaded into prices.").waitFor();
  });

  it("asks for confirmation before loading the same content twice, which would duplicate prices", async () => {
    const page = await open();
    await choose(page, CSV.replace("-5", "5"), "renamed.csv");
    await page.getByRole("button", { name: "Load", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("not yet validated by a dry run.").waitFor();
    await dialog.getByRole("button", { name: "Load" }).click();
    await dialog.getByText(/^The same content was loaded by load-prices-[0-9a-f]{32} at /).waitFor();
    await dialog.getByRole("button", { name: "Keep as it is" }).click();
    await page.getByRole("button", { name: "Dry run" }).click({ trial: true });
    const count = async () =>
      (await suite.p.admin.query("select count(*)::int as n from jobs.jobs where request_id like 'load-prices-%'"))
        .rows[0].n;
    assert.equal(await count(), 1);
    await expect(page.locator(".run")).toHaveCount(0);

    // The same question follows if the first load was cancelled and its retry succeeded.
    const [{ id }] = (
      await suite.p.admin.query(
        `update jobs.jobs set request_id = request_id || '.retry-1' where request_id like 'load-prices-%'
         returning replace(request_id, '.retry-1', '') as id`,
      )
    ).rows;
    await suite.submit(id, { task: { type: "read", query: "price_export" } });
    await suite.p.admin.query("select jobs.cancel('default', $1, 'test')", [id]);
    await page.getByRole("button", { name: "Load", exact: true }).click();
    await dialog.getByRole("button", { name: "Load" }).click();
    await dialog.getByText(`The same content was loaded by ${id}.retry-1 at `).waitFor();
    await dialog.getByRole("button", { name: "Keep as it is" }).click();

    // If only the cancelled load remains, the next one is its retry.
    await suite.p.admin.query("delete from jobs.jobs where request_id = $1", [`${id}.retry-1`]);
    await page.getByRole("button", { name: "Load", exact: true }).click();
    await dialog.getByRole("button", { name: "Load" }).click();
    await page.locator(".run").waitFor();
    const retries = await suite.p.admin.query("delete from jobs.jobs where request_id = $1", [`${id}.retry-1`]);
    assert.equal(retries.rowCount, 1);
  });

  it("uploads nothing if it is cancelled while the file is hashed", async () => {
    const page = await open();
    const uploads: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/uploads")) uploads.push(request.url());
    });
    await page.evaluate(`{
      const { digest } = SubtleCrypto.prototype;
      const released = new Promise((resolve) => (window.release = resolve));
      SubtleCrypto.prototype.digest = async function (...parameters) {
        await released;
        return digest.apply(this, parameters);
      };
    }`);
    await choose(page, CSV);
    await page.getByRole("button", { name: "Dry run" }).click();
    for (const field of ["File", "Target", "Mode"])
      await expect(page.getByLabel(field, { exact: true })).toBeDisabled();
    await page.getByRole("button", { name: "Cancel upload" }).click();
    await page.evaluate("window.release()");
    await expect(page.getByRole("button", { name: "Dry run" })).toBeEnabled();
    assert.deepEqual(uploads, []);
    await expect(page.getByRole("alert")).toHaveCount(0);
  });

  it("opens from a load with bad rows, with the target and mode of that load", async () => {
    const task = {
      type: "update",
      target: "prices",
      mode: "replace",
      source: { inline: [{ orig_code: "X", dest_code: "Y", day: "2021-01-01", price: 1 }] },
    };
    await suite.submit("bad-load", { task });
    await endNext();
    const page = await open(jobAt("bad-load"));
    await page.getByRole("link", { name: "Edit and resubmit" }).click();
    await page.getByText("Choose the corrected file.").waitFor();
    await expect(page.getByLabel("Mode")).toHaveValue("replace");
  });
});
