import assert from "node:assert/strict";
import type { Page } from "playwright";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { backendOf } from "../../store/backend.ts";
import { claim, finish, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { expect } from "../../testing/dashboard/expect.ts";
import { type DashboardSuite, dashboardSuite, heading } from "../../testing/dashboard/fixture.ts";
import { accessibilityViolations } from "../../testing/dashboard/page.ts";
import { testPlan } from "../../testing/jobs.ts";

/** Prices of a month with a gap in the middle and a long fraction. */
const RATES = `day,price,count\n${Array.from({ length: 31 }, (_, index) => {
  const day = `2021-01-${String(31 - index).padStart(2, "0")}`;
  return `${day},${index === 10 ? "" : index === 0 ? "1377.3333333333333" : 1_400 + index},${index === 10 ? 1 : 4}`;
}).join("\n")}\n`;

/** Claims the waiting job, and ends it with this CSV. */
async function endNext({ p }: DashboardSuite, inline: string): Promise<void> {
  const keeper = await p.role("job_keeper");
  const [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
  await runStarted(keeper, run);
  const job = await claim(keeper, run, await backendOf(keeper), undefined);
  assert(job);
  const rows = inline.trim().split("\n").length - 1;
  const result = JSON.stringify({ inline, format: "csv", rows });
  await finish(keeper, job, { status: "SUCCEEDED", result, rows, bytes: inline.length, peakMemoryBytes: 1 });
  await p.admin.query("delete from jobs.runs");
  await syncTracking(p.context);
}

/** Collects the submissions that a page sends after this call. */
function postsOf(page: Page): string[] {
  const posts: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/jobs")) posts.push(request.url());
  });
  return posts;
}

describe("queries in the dashboard", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } }, async ({ p }) => {
    await p.admin.query("insert into regions values ('asia', 'Asia', null), ('europe', 'Europe', null)");
    await p.admin.query("insert into ports values ('CNSGH', 'Shanghai', 'asia'), ('NLRTM', 'Rotterdam', 'europe')");
  });
  const open = (hash = "#/query") => suite.p.open(suite.token, hash);
  const result = (page: Page) => page.getByRole("region", { name: "Result", exact: true });

  it("have a form with suggested places and an estimate, and show their result as chart and grid", async () => {
    const page = await open();
    await heading(page, "average_rates");
    const origin = page.getByRole("combobox", { name: "orig_code" });
    await origin.click();
    const options = page.getByRole("listbox", { name: "Places" }).getByRole("option");
    await options.getByText("NLRTM").waitFor();
    // Without a selected place, ArrowUp selects the last one; ArrowDown then wraps around to the first.
    await page.keyboard.press("ArrowUp");
    await page.locator("[role=option][aria-selected=true]:last-child").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.locator("[role=option][aria-selected=true]:first-child").waitFor();
    // While the search runs, only places that match the text are shown.
    await page.route("**/places?text=shangh*", async (route) => {
      await expect(options.locator("strong")).toHaveText(["CNSGH"]);
      await route.continue();
    });
    await origin.fill("shangh");
    await page.getByRole("option", { name: /CNSGH/ }).waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.keyboard.press("ArrowDown");
    await expect(page.getByRole("listbox", { name: "Places" }).getByRole("option", { selected: true })).toHaveCount(1);
    await page.keyboard.press("Enter");
    await expect(origin).toHaveValue("CNSGH");
    await expect(page.getByRole("listbox", { name: "Places" })).toHaveCount(0);
    await page.getByRole("combobox", { name: "dest_code" }).fill("NLRTM");
    await page.keyboard.press("Escape");
    await page.getByLabel("date_from").fill("2021-01-01");
    await page.getByLabel("date_to").fill("2021-01-31");
    await page.getByText(/^About [\d,]+ rows?/).waitFor();
    await page.getByText("Request id, format, priority and labels").click();
    await page.getByLabel("Request id").fill("from-a-form");
    await page.getByLabel("Labels").fill("team=pricing");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const run = page.getByRole("region", { name: "Job from-a-form" });
    await run.getByText(/^Waiting for a Glue run/).waitFor();
    // Cancelling asks for confirmation.
    await run.getByRole("button", { name: "Cancel job" }).click();
    await page.getByRole("dialog").getByText("average_rates has not started and will not run.").waitFor();
    await page.keyboard.press("Escape");
    const { rows } = await suite.p.admin.query("select task, labels from jobs.jobs where request_id = 'from-a-form'");
    assert.deepEqual(rows[0].labels, { team: "pricing" });
    assert.equal(rows[0].task.params.orig_code, "CNSGH");
    await endNext(suite, RATES);

    await result(page)
      .getByRole("img", { name: /^31 days; at 2021-01-31: price 1,377\.33/ })
      .waitFor();
    const cells = result(page).getByRole("row").nth(1).getByRole("cell");
    await expect(cells).toHaveText(["1", "2021-01-31", "1,377.33", "4"]);
    await expect(cells.nth(2)).toHaveAttribute("title", "1377.3333333333333");
    await expect(cells.nth(2)).toHaveAttribute("class", /number/);
    await result(page).getByText("Rows 1–20 of 31").waitFor();
    await result(page).getByRole("button", { name: "Next" }).click();
    await result(page).getByText("Rows 21–31 of 31").waitFor();
    await result(page).getByRole("button", { name: "price" }).click();
    await result(page).getByText("Rows 1–20 of 31").waitFor();
    await expect(result(page).getByRole("row").nth(1)).toHaveText(/1,377\.33/);
    await result(page)
      .getByRole("button", { name: /^price/ })
      .click();
    await expect(result(page).getByRole("row").nth(1)).toHaveText(/1,430\.00/);
    await expect(result(page).getByRole("columnheader", { name: "price" })).toHaveAttribute("aria-sort", "descending");
    await result(page).getByRole("checkbox", { name: "count" }).check();
    await result(page)
      .getByRole("img", { name: /price 1,377\.33, count 4/ })
      .waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
  });

  it("show the API's message beside a field that loses the focus, before they are submitted", async () => {
    const page = await open("#/query/query/average_rates");
    await page.getByLabel("date_from").fill("2021-01-01");
    await page.getByLabel("date_to").focus();
    await page.getByRole("combobox", { name: "orig_code" }).focus();
    const dateTo = page.getByLabel("date_to");
    await page.getByText(/^date_to is missing|^Required/).waitFor();
    await expect(dateTo).toHaveAttribute("aria-invalid", "true");
    await expect(dateTo).toHaveAttribute("aria-describedby", /param-date_to-problem/);
    // A field that was not visited yet shows no problem.
    await expect(page.getByLabel("dest_code")).not.toHaveAttribute("aria-invalid");
    const posts = postsOf(page);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.locator("[aria-invalid=true]:focus").waitFor();
    await expect(page.getByLabel("dest_code")).toHaveAttribute("aria-invalid", "true");
    assert.deepEqual(posts, []);
  });

  it("mark all invalid fields at once, including unknown places, and record no rejected request", async () => {
    const page = await open("#/query/query/average_rates");
    await heading(page, "average_rates");
    const posts = postsOf(page);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.locator("#param-date_from:focus").waitFor();
    for (const name of ["date_from", "date_to", "orig_code", "dest_code"])
      await expect(page.locator(`#param-${name}-problem`)).toHaveText(`${name} is missing.`);
    await page.getByRole("combobox", { name: "orig_code" }).fill("CNSGX");
    await page.keyboard.press("Escape");
    await page.getByLabel("date_to").fill("2021-01-31");
    await page.getByText("Request id, format, priority and labels").click();
    await page.getByLabel("Request id").fill("not an id");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page
      .locator("#param-orig_code-problem")
      .getByText("is not a known place. Did you mean CNSGH (Shanghai)?")
      .waitFor();
    await page.locator("#request-id-problem").waitFor();
    await page.locator("#param-date_from-problem").waitFor();
    await expect(page.locator("#param-date_to-problem")).toHaveCount(0);
    assert.deepEqual(posts, []);
  });

  for (const form of ["#/query/query/average_rates", "#/query/sql"])
    it(`open the closed section that contains an invalid label, and submit nothing (${form})`, async () => {
      const page = await open(form);
      if (form.endsWith("sql")) await page.getByLabel("SQL", { exact: true }).fill("select 1 as x");
      const section = page.locator("details.more-fields", { has: page.locator("#labels") });
      await section.locator("summary").click();
      await page.getByLabel("Labels").fill("nokey");
      await section.locator("summary").click();
      const posts = postsOf(page);
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await section.locator("textarea:focus").waitFor();
      assert.deepEqual(posts, []);
    });

  it("are reused from their history with the same values", async () => {
    const page = await open("#/query/query/average_rates");
    const recent = page.getByRole("region", { name: "Recent runs" });
    await recent.getByText("CNSGH → NLRTM, 2021-01-01 to 2021-01-31").waitFor();
    await recent.getByRole("link", { name: "Use again" }).first().click();
    await page.waitForURL(/again=default%2Ffrom-a-form/);
    await expect(page.getByLabel("date_from")).toHaveValue("2021-01-01");
    await expect(page.getByLabel("Request id")).toHaveValue("");
  });

  it("accept SQL in an editor with tables, error positions, estimates and a keyboard shortcut", async () => {
    const page = await open("#/query/sql");
    const editor = page.getByRole("textbox", { name: "SQL" });
    await editor.fill("select day, price from ");
    await page.getByRole("group", { name: "Tables" }).getByText("ports", { exact: true }).click();
    await page.getByRole("button", { name: "insert the name" }).first().click();
    await expect(editor).toHaveValue("select day, price from ports");
    await editor.fill("select * from\nnothing");
    await page.getByText(/at line 2, column 1 does not allow the relation "nothing"/).waitFor();
    const posts = postsOf(page);
    await page.keyboard.press("Control+Enter");
    const selected = () =>
      page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd].join()");
    await expect.poll(selected).toBe("14,21");
    assert.deepEqual(posts, []);
    await editor.fill("select day, price from prices limit 5");
    await page.getByText(/^About [\d,]+ rows?/).waitFor();
    await page.keyboard.press("Control+Enter");
    await page
      .locator(".run")
      .getByText(/^Waiting for a Glue run/)
      .waitFor();
    await endNext(suite, "day,price\n2021-01-01,5\n");
    await result(page).getByRole("cell", { name: "2021-01-01" }).waitFor();
    await expect(result(page).getByRole("img"), "a single day has no chart").toHaveCount(0);
    await page
      .getByRole("region", { name: "Recent runs" })
      .getByText("select day, price from prices limit 5")
      .waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
  });

  it("include statements, which run after a confirmation that shows their parameters", async () => {
    const page = await open("#/query/statement/purge_prices");
    await page.getByLabel("before").fill("2000-01-01");
    await page.getByText(/^About [\d,]+ rows?; it would run on EC2/).waitFor();
    await page.getByRole("button", { name: "Run the statement" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("before: 2000-01-01").waitFor();
    await dialog.getByText(/^About [\d,]+ rows? will be changed\.$/).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    const count = async () =>
      (await suite.p.admin.query("select count(*)::int as n from jobs.jobs where task->>'statement' is not null"))
        .rows[0].n;
    assert.equal(await count(), 0);
    await page.getByRole("button", { name: "Run the statement" }).click();
    await dialog.getByRole("button", { name: "Run purge_prices" }).click();
    await page
      .locator(".run")
      .getByText(/^Waiting for an EC2 run/)
      .waitFor();
    assert.equal(await count(), 1);
  });

  describe("while their check is running", () => {
    /** Delays the page's checks until they are released. */
    const delayChecks = async (page: Page) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const delayed: Promise<unknown>[] = [];
      await page.route("**/explain", (route) => {
        delayed.push(promise.then(() => route.continue()).catch(() => "the page aborted the request"));
      });
      const started = () => page.waitForRequest("**/explain");
      return { release: resolve, started };
    };
    const note = (page: Page) => page.locator(".estimate");
    const taskOf = async (requestId: string) =>
      (await suite.p.admin.query("select task from jobs.jobs where request_id = $1", [requestId])).rows[0]?.task;

    it("keep text that is typed meanwhile, and submit the earlier request (form)", async () => {
      const page = await open("#/query/query/price_export");
      await page.getByRole("combobox", { name: "orig_code" }).fill("CNSGH");
      await page.keyboard.press("Escape");
      await page.getByText("Request id, format, priority and labels").click();
      await page.getByLabel("Request id").fill("typed-1");
      const { release, started } = await delayChecks(page);
      const checked = started();
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await checked;
      await page.getByRole("combobox", { name: "orig_code" }).fill("NLRTM");
      await page.getByLabel("Labels").fill("team=pricing");
      release();
      await page.getByRole("region", { name: "Job typed-1" }).waitFor();
      await expect(page.getByRole("combobox", { name: "orig_code" })).toHaveValue("NLRTM");
      await expect(page.getByLabel("Labels")).toHaveValue("team=pricing");
      await expect(page.getByLabel("Request id")).toHaveValue("");
      assert.equal((await taskOf("typed-1")).params.orig_code, "CNSGH");
    });

    it("keep text that is typed meanwhile, and submit the earlier request (SQL)", async () => {
      const page = await open("#/query/sql");
      const editor = page.getByRole("textbox", { name: "SQL" });
      const { release, started } = await delayChecks(page);
      await editor.fill("select 1 as x");
      await page.getByText("Request id, format, priority and labels").click();
      await page.getByLabel("Request id").fill("typed-2");
      const checked = started();
      await editor.press("Control+Enter");
      await checked;
      await editor.fill("select 2 as x");
      await page.getByLabel("Request id").fill("typed-3");
      release();
      await page.getByRole("region", { name: "Job typed-2" }).waitFor();
      await expect(editor).toHaveValue("select 2 as x");
      await expect(page.getByLabel("Request id")).toHaveValue("typed-3");
      assert.equal((await taskOf("typed-2")).sql, "select 1 as x");
    });

    it("report that the form of a refused request was changed meanwhile, without moving the focus", async () => {
      const page = await open("#/query/sql");
      const editor = page.getByRole("textbox", { name: "SQL" });
      const posts = postsOf(page);
      await page.route("**/explain", async (route) => {
        if (JSON.stringify(route.request().postDataJSON()).includes("nothing")) {
          await editor.fill("select 2 as x");
          await page.getByText("Request id, format, priority and labels").focus();
        }
        await route.continue();
      });
      await editor.fill("select * from nothing");
      await page.keyboard.press("Control+Enter");
      await expect(note(page)).toHaveText(/^The request was not accepted, and the form has changed since/);
      await expect(page.locator("summary:focus")).toHaveText("Request id, format, priority and labels");
      await expect(page.locator("#sql-problem")).toHaveText("");
      assert.deepEqual(posts, []);
    });

    for (const form of ["#/query/query/price_export", "#/query/sql"])
      it(`are submitted without an estimate that takes too long (${form})`, async () => {
        const page = await open(form);
        await delayChecks(page);
        if (form.endsWith("sql")) await page.getByRole("textbox", { name: "SQL" }).fill("select 3 as x");
        await page.getByRole("button", { name: "Run", exact: true }).click();
        await page
          .locator(".run")
          .getByText(/^Waiting for a Glue run/)
          .waitFor();
        await expect(note(page)).toHaveText("Submitted without an estimate, which took more than 2 s.");
      });

    it("are confirmed without the number of rows if the estimate takes too long", async () => {
      const page = await open("#/query/statement/purge_prices");
      await delayChecks(page);
      await page.getByLabel("before").fill("2000-01-01");
      await page.getByRole("button", { name: "Run the statement" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("The number of rows is unknown, since estimating it took more than 2 s.").waitFor();
      await expect(dialog.getByText("will be changed.")).toHaveCount(0);
    });
  });
});

describe("queries in the dashboard of a stack without raw SQL", function () {
  this.timeout(60_000);
  const suite = dashboardSuite({ jobs: { rawSql: false } });

  it("have no SQL editor", async () => {
    const page = await suite.p.open(suite.token, "#/query/sql");
    await page.getByText("There is no SQL editor here.").waitFor();
    await page.getByRole("link", { name: /average_rates/ }).waitFor();
    await expect(page.getByRole("link", { name: /SQL editor/ })).toHaveCount(0);
  });
});
