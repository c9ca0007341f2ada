import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { Page } from "playwright";
import { INPUT } from "../../contract/inputLimits.ts";
import { syncRejected } from "../../dispatcher/syncRejected.ts";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { expect } from "../../testing/dashboard/expect.ts";
import { dashboardSuite, heading, jobAt } from "../../testing/dashboard/fixture.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";
import { FAULT, oneOfEach, REPORT } from "../../testing/dashboard/oneOfEach.ts";
import { accessibilityViolations } from "../../testing/dashboard/page.ts";

describe("jobs in the dashboard", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite(
    { runners: { glue: { slots: 1, usdPerHour: 3_600 }, ec2: { slots: 1, usdPerHour: 1 } } },
    async ({ p, submit, token }) => {
      await createManyJobs(p.admin, 60);
      await oneOfEach(p, submit);
      await p.app.inject({
        method: "POST",
        url: "/jobs",
        headers: { authorization: `Bearer ${token}` },
        payload: { requestId: "refused", task: { type: "read", query: "nothing_like_it", params: {} } },
      });
      await syncTracking(p.context);
      await syncRejected(p.context);
    },
  );
  const open = (hash: string) => suite.p.open(suite.token, hash);
  const rowsOf = (page: Page) => page.getByRole("row").filter({ has: page.getByRole("rowheader") });
  const dialog = (page: Page) => page.getByRole("dialog");

  describe("in their list", () => {
    it("are searched while the user types, with the search in the address, and can all be shown again", async () => {
      const page = await open("#/jobs");
      await rowsOf(page).nth(20).waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("many 17");
      await rowsOf(page).nth(1).waitFor({ state: "detached" });
      await expect(rowsOf(page).first()).toHaveText(/many-17/);
      await expect(page).toHaveURL(/#\/jobs\?text=many\+17$/);
      await page.keyboard.type("zzz");
      await page.getByText("No jobs match.").waitFor();
      await page.getByRole("button", { name: "Show all" }).click();
      await rowsOf(page).nth(20).waitFor();
      await page.getByLabel("State").selectOption("FAILED");
      await page.getByRole("link", { name: "bad", exact: true }).waitFor();
      await expect(page).toHaveURL(/status=FAILED/);
    });

    it("lose no keystroke while a search starts", async () => {
      const page = await open("#/jobs");
      const search = page.getByRole("searchbox", { name: "Search jobs" });
      await search.waitFor();
      // Types a character at the moment when the previous text becomes the page's search.
      await page.evaluate(`{
        const { replaceState } = history;
        history.replaceState = (...parameters) => {
          replaceState.apply(history, parameters);
          history.replaceState = replaceState;
          const input = document.querySelector("input[type=search]");
          input.value += "7";
          input.dispatchEvent(new InputEvent("input", { bubbles: true }));
        };
      }`);
      await search.fill("many 1");
      await expect(page).toHaveURL(/text=many\+17$/);
      await expect(search).toHaveValue("many 17");
    });

    it("are filtered by label, runner and age, and report an invalid label beside its field", async () => {
      const page = await open("#/jobs");
      await rowsOf(page).nth(20).waitFor();
      await page.getByLabel("Label").fill("pricing");
      await page.getByText("Label must be of the form key=value.").waitFor();
      await expect(page).not.toHaveURL(/label/);
      await page.getByLabel("Label").fill("team=pricing");
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "good", exact: true }).waitFor({ state: "detached" });
      await page.getByLabel("Runner").selectOption("ec2");
      await page.getByRole("link", { name: "many-1", exact: true }).waitFor({ state: "detached" });
      await page.getByRole("link", { name: "many-5", exact: true }).waitFor();
      await page.getByLabel("Created").selectOption("15m");
      await page.waitForURL(/runner=ec2&label=team%3Dpricing&since=15m/);
      await page.getByRole("link", { name: "many-5", exact: true }).waitFor();
      await page.getByRole("button", { name: "Clear" }).click();
      await page.getByRole("link", { name: "good", exact: true }).waitFor();
    });

    it("are sorted by a column's header, slowest first, then in reverse", async () => {
      const page = await open("#/jobs?text=many");
      const took = page.getByRole("columnheader", { name: /Took/ });
      await took.getByRole("button").click();
      await page.waitForURL(/sort=totalMs$/);
      await page.locator("tbody tr").first().getByText("many-60").waitFor();
      await expect(took).toHaveAttribute("aria-sort", "descending");
      await took.getByRole("button").click();
      await page.locator("tbody tr").first().getByText("many-1", { exact: true }).waitFor();
      await expect(took).toHaveAttribute("aria-sort", "ascending");
    });

    it("have filters that can be saved in this browser as named views", async () => {
      const page = await open("#/jobs?status=FAILED&text=InvalidRows");
      await page.getByRole("button", { name: "Save view" }).click();
      await page.getByLabel("Name of the view").fill("Bad rows");
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "All", exact: true }).click();
      await page.getByRole("link", { name: "good", exact: true }).waitFor();
      await page.reload();
      await page.getByRole("link", { name: "Bad rows" }).click();
      await page.waitForURL(/text=InvalidRows&status=FAILED/);
      await expect(page.getByRole("link", { name: "Bad rows" })).toHaveAttribute("aria-current", "true");
      await page.getByRole("button", { name: "Delete view" }).click();
      await expect(page.getByRole("link", { name: "Bad rows" })).toHaveCount(0);
    });

    it("are listed beside rejected requests, which show body and reason", async () => {
      const page = await open("#/jobs");
      await page.getByRole("link", { name: "Rejected", exact: true }).click();
      await page.getByRole("link", { name: "refused" }).click();
      await heading(page, "refused");
      await page.getByRole("cell", { name: /is not a query of this platform/ }).waitFor();
      await expect(page.getByLabel("Beginning of the body")).toHaveText(/"query": "nothing_like_it"/);
      assert.deepEqual(await accessibilityViolations(page), []);
      await page.getByText("No job was created.").waitFor();
      // An address with an invalid id shows the problem.
      await page.goto(`${suite.p.origin}/dashboard#/rejected/default/not-an-id`);
      await page
        .getByRole("alert")
        .getByText(/^id must /)
        .waitFor();
      await expect(page.locator(".badge")).toHaveCount(0);
    });

    it("are cancelled together after a confirmation with the number of waiting jobs", async () => {
      await Promise.all(["together-1", "together-2", "together-3"].map((id) => suite.submit(id)));
      await syncTracking(suite.p.context);
      const page = await open("#/jobs?text=together");
      await page.getByRole("checkbox", { name: "Select all shown" }).check();
      await page.getByText("3 jobs selected").waitFor();
      await expect(page.getByRole("button", { name: "Retry 0" })).toBeDisabled();
      await page.getByRole("button", { name: "Cancel 3" }).click();
      await dialog(page).getByText("3 waiting jobs will not run.").waitFor();
      assert.deepEqual(await accessibilityViolations(page), []);
      await page.keyboard.press("Escape");
      await dialog(page).waitFor({ state: "detached" });
      const states = async () => {
        const { rows } = await suite.p.admin.query(
          "select distinct status from jobs.jobs where request_id like 'together-_'",
        );
        return rows.map(({ status }) => status);
      };
      assert.deepEqual(await states(), ["PENDING"]);
      await page.getByRole("button", { name: "Cancel 3" }).click();
      const reason = dialog(page).getByLabel("Reason");
      await expect(reason).toHaveAttribute("maxlength", String(INPUT.cancelReason));
      await reason.fill("wrong month");
      await dialog(page).getByRole("button", { name: "Cancel 3 jobs" }).click();
      await page.getByText("3 jobs cancelled or being cancelled.").waitFor();
      assert.deepEqual(await states(), ["CANCELLED"]);
      await page.goto(`${suite.p.origin}/dashboard${jobAt("together-1")}`);
      await page.getByRole("region", { name: "Cancelled" }).getByText("wrong month").waitFor();
    });

    it("are retried together, except those that would fail again", async () => {
      await suite.submit("once-more");
      const headers = { authorization: `Bearer ${suite.token}` };
      await suite.p.app.inject({ method: "POST", url: "/jobs/once-more/cancel", headers });
      await syncTracking(suite.p.context);
      const page = await open("#/jobs");
      await page.getByRole("checkbox", { name: "Select once-more" }).check();
      await page.getByRole("checkbox", { name: "Select bad", exact: true }).check();
      await page.getByText("1 job would fail again: InvalidRows.").waitFor();
      await page.getByRole("button", { name: "Retry 1" }).click();
      await dialog(page).getByText("1 selected job would fail again and will not be retried: InvalidRows.").waitFor();
      await dialog(page).getByRole("button", { name: "Retry 1 job" }).click();
      await page.getByText("1 job submitted again.").waitFor();
      const { rows } = await suite.p.admin.query(
        "select request_id from jobs.jobs where request_id like '%.retry-1' order by 1",
      );
      assert.deepEqual(
        rows.map(({ request_id }) => request_id),
        ["once-more.retry-1"],
      );
    });

    it("are retried together only with the scope update if they are updates", async () => {
      const { p } = suite;
      const source = { inline: [{ orig_code: "X", dest_code: "Y", day: "2021-01-01", price: 1 }] };
      await suite.submit("halted-read");
      await suite.submit("halted-load", { task: { type: "update", target: "prices", source } });
      const headers = { authorization: `Bearer ${suite.token}` };
      for (const id of ["halted-read", "halted-load"])
        await p.app.inject({ method: "POST", url: `/jobs/${id}/cancel`, headers });
      await syncTracking(p.context);
      for (const [scopes, retries] of [
        [["read", "submit"], 1],
        [["read", "submit", "update"], 2],
      ] as const) {
        const page = await p.open(await p.token(...scopes), "#/jobs?text=halted");
        await page.getByRole("checkbox", { name: "Select all shown" }).check();
        await page.getByText("2 jobs selected").waitFor();
        await page.getByRole("button", { name: `Retry ${retries}` }).waitFor();
        await expect(page.getByText("This token cannot retry 1 update")).toHaveCount(2 - retries);
      }
    });
  });

  describe("on their page", () => {
    it("show their result first, then their phases; markup in text stays text", async () => {
      const page = await open(jobAt("good"));
      await heading(page, "Result");
      const headings = page.getByRole("heading", { level: 2 });
      await page
        .getByRole("definition")
        .getByText(/^[\d.]+\sUSD$/)
        .waitFor();
      await expect(headings).toHaveText(["Result", "Facts", "Task", "Timeline", "Attempts"]);
      const phases = page.getByRole("region", { name: "Timeline" }).getByRole("listitem");
      await expect(phases).toHaveText([/^\s*Waiting/, /^\s*Starting.*\+[\d.]+\s(?:ms|s)/s, /^\s*Running/]);
      await page.getByRole("cell", { name: "<img src=x onerror=alert(1)>" }).waitFor();
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download result" }).click();
      assert.equal((await download).suggestedFilename(), "good.csv");
    });

    it("show each problem of their report, and can be edited instead of retried if a retry would fail again", async () => {
      const page = await open(jobAt("bad"));
      await heading(page, "InvalidRows");
      for (const value of Object.values(FAULT))
        await page.getByRole("cell", { name: String(value), exact: true }).waitFor();
      const report = page.getByRole("region", { name: "InvalidRows" });
      await expect(report.getByRole("columnheader")).toHaveText(["line", "column", "value", "reason"]);
      await report.getByText("… and 1,799 more").waitFor();
      const download = page.waitForEvent("download");
      await report.getByRole("button", { name: "Download all" }).click();
      assert.equal(await readFile(await (await download).path(), "utf8"), REPORT);
      await expect(page.getByRole("button", { name: "Retry" })).toHaveCount(0);
      await page.getByRole("link", { name: "Edit and resubmit" }).click();
      await heading(page, "price_export");
      await expect(page).toHaveURL(/#\/query\/query\/price_export\?again=default%2Fbad$/);
    });

    it("stack a report's columns on narrow screens, so that the reason is visible", async () => {
      const page = await suite.p.open(suite.token, jobAt("bad"), { viewport: { width: 360, height: 740 } });
      const reason = page.getByRole("cell", { name: FAULT.reason });
      await reason.waitFor();
      const box = await reason.boundingBox();
      assert(box);
      assert.ok(box.x >= 0 && box.x + box.width <= 360, JSON.stringify(box));
    });

    it("are cancelled after a confirmation, and can be retried, without reloading", async () => {
      await suite.submit("unwanted", { labels: { team: "pricing" } });
      const page = await open(jobAt("unwanted"));
      await page.getByRole("link", { name: "team pricing" }).waitFor();
      await page.getByRole("button", { name: "Cancel job" }).click();
      await dialog(page).getByText("has not started and will not run").waitFor();
      await dialog(page).getByRole("button", { name: "Keep as it is" }).click();
      await expect(page.locator(".badge").first()).toHaveText("Waiting");
      await page.getByRole("button", { name: "Cancel job" }).click();
      await dialog(page).getByLabel("Reason").fill("not needed any more");
      // This Enter ends the input of a character, for example a Japanese one.
      await dialog(page).getByLabel("Reason").dispatchEvent("keydown", { key: "Enter", isComposing: true });
      await dialog(page).getByLabel("Reason").pressSequentially(".");
      await expect(dialog(page).getByLabel("Reason")).toHaveValue("not needed any more.");
      await page.keyboard.press("Enter");
      await page.locator(".badge").getByText("Cancelled").waitFor();
      await page.getByRole("button", { name: "Cancel job" }).waitFor({ state: "detached" });
      await page.getByRole("region", { name: "Cancelled" }).getByText("not needed any more").waitFor();
      // A cancelled job has no problems.
      await expect(page.locator(".report:not(.calm)")).toHaveCount(0);
      await page.evaluate("scrollTo(0, document.body.scrollHeight)");
      await page.getByRole("button", { name: "Retry" }).click();
      await heading(page, "unwanted.retry-1");
      await page.getByRole("link", { name: "retryOf unwanted" }).waitFor();
      // Another job is another page: it starts at the top, with the focus on its heading.
      await page.locator("h1:focus").getByText("unwanted.retry-1").waitFor();
      await expect.poll(() => page.evaluate("scrollY")).toBe(0);
      await expect(page).toHaveTitle("unwanted.retry-1 · Rates platform");
    });

    it("show their progress, also in the overview", async () => {
      const progress = { rows: 5, bytes: 1_200, estimatedRows: 10 };
      await suite.p.admin.query(
        "update jobs.jobs set progress = $1, version = version + 1, changed = pg_current_xact_id() where request_id = 'running'",
        [JSON.stringify(progress)],
      );
      await syncTracking(suite.p.context);
      const page = await open(jobAt("running"));
      await page.getByText(/^5 rows of about 10 · 1\.2\skB · /).waitFor();
      await expect(page.getByRole("meter", { name: "Progress" })).toHaveAttribute("aria-valuenow", "50");
      await page.getByRole("link", { name: "Rates platform" }).click();
      const half = page.getByRole("meter", { name: "Progress of running" });
      await expect(half).toHaveAttribute("aria-valuenow", "50");
    });

    it("show why they wait, and what is ahead of them", async () => {
      const page = await open(jobAt("waiting"));
      await page.getByText(/^Waiting for a Glue run: 1 of 1 busy, next in line, /).waitFor();
      await page.getByText("To run more jobs at once, raise runners.glue.maxRuns.").waitFor();
      await page.goto(`${suite.p.origin}/dashboard${jobAt("good")}`);
      await heading(page, "Result");
      await expect(page.getByText(/^Waiting for/)).toHaveCount(0);
    });
  });
});
