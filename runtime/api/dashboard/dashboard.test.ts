import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Browser, Page } from "playwright-core";
import { project } from "../../dispatcher/project.ts";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { manyJobs } from "../../testing/dashboard/manyJobs.ts";
import { FAULT, oneOfEach, REPORT } from "../../testing/dashboard/oneOfEach.ts";
import { dashboardFor, overflowOf, violationsOf } from "../../testing/dashboard/page.ts";

const read = { type: "read", query: "price_export", params: {}, format: "csv" };

describe("the dashboard in a browser", function () {
  this.timeout(60_000);
  this.slow(10_000);
  let browser: Browser | undefined;
  let p: Awaited<ReturnType<typeof dashboardFor>>;
  let token = "";
  before(async function () {
    browser = await startChromium(this);
    p = await dashboardFor(browser, { runners: { glue: { slots: 1 }, ec2: { slots: 1 } } });
    token = await p.token("admin");
    await manyJobs(p.admin, 60);
    await oneOfEach(p, submit);
  });
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    assert.deepEqual(p?.complaints, []);
  });
  after(async () => {
    await browser?.close();
    await p?.close();
  });

  const submit = async (requestId: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await p.app.inject({ method: "POST", url: "/jobs", headers, payload: { requestId, task: read } });
    assert.equal(answer.statusCode, 202, answer.body);
  };
  const at = (requestId: string) => `#/jobs/default/${requestId}`;
  const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).waitFor();

  it("exchanges a token for a session once, says what is wrong with one, and keeps it out of every script's sight", async () => {
    const page = await p.open(undefined);
    await page.getByLabel("Token").fill("rates_wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("is not known").waitFor();
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await heading(page, "Overview");
    await page.reload();
    await heading(page, "Overview");
    assert.ok(!page.url().includes(token));
    assert.ok(!(await page.content()).includes(token));
    const seen = await page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)");
    assert.doesNotMatch(String(seen), /rates_/);
    // Another tab is signed in too, and out again with this one.
    const tab = await page.context().newPage();
    await tab.goto(`${p.origin}/dashboard${at("good")}`);
    await heading(tab, "Timeline");
    await page.getByRole("button", { name: "Sign out" }).click();
    for (const one of [page, tab]) await one.getByLabel("Token").waitFor();
    assert.equal(await page.evaluate("sessionStorage.length + localStorage.length"), 0);
    assert.deepEqual(await page.context().cookies(), []);
  });

  it("signs in by a link, once, and keeps its code out of the address and the history", async () => {
    const link = async () => {
      const headers = { authorization: `Bearer ${token}` };
      return (await p.app.inject({ method: "POST", url: "/session-links", headers })).json().path as string;
    };
    const path = await link();
    const page = await p.open(undefined, path.replace("/dashboard", ""));
    await heading(page, "Overview");
    await page.locator("header").getByText("default").waitFor();
    assert.match(page.url(), /dashboard#\/$/);
    assert.equal(await page.evaluate("history.length"), 2);
    await page.goto(`${p.origin}/dashboard#/submit`);
    await heading(page, "Submit a job");
    const again = await p.open(undefined, path.replace("/dashboard", ""));
    await again.getByRole("alert").getByText("was used already").waitFor();
    await again.getByLabel("Token").waitFor();
  });

  it("says where the bottleneck is, and shows what runs, fails and is slow", async () => {
    const page = await p.open(token);
    await page
      .getByRole("status")
      .getByText(/The one Glue run is taken; 1 job waits/)
      .waitFor();
    const running = page.getByRole("meter", { name: "Glue runs" });
    assert.deepEqual(
      [await running.getAttribute("aria-valuenow"), await running.getAttribute("aria-valuemax")],
      ["1", "1"],
    );
    await page.getByRole("button", { name: "InvalidSql" }).waitFor();
    await page.getByRole("region", { name: "Slowest work" }).getByText("price_export").waitFor();
    assert.equal(await page.getByRole("img", { name: /steps; at/ }).count(), 3);
    await page.getByRole("radio", { name: "Last 24 h" }).check();
    await page.getByRole("heading", { name: "Jobs every 30 min" }).waitFor();
  });

  it("counts what waits, runs and fails, tells warm runs from those at work, and says which kind may not start", async () => {
    await p.admin.query(
      "insert into jobs.runs (runner, slot, version, state, start_deadline) values ('ec2', 1, 'warm', 'RUNNING', jobs.clock())",
    );
    await p.admin.query("update jobs.runners set paused_until = jobs.clock() + interval '1 hour' where runner = 'ec2'");
    const page = await p.open(token);
    const tile = async (name: string) =>
      String(await page.locator(".tile", { hasText: name }).textContent()).replaceAll("\u00a0", " ");
    const capacity = page.getByRole("region", { name: "Capacity" });
    await capacity.getByText("0 at work, 1 starting or warm · none waiting · paused after a refusal").waitFor();
    assert.equal(await capacity.locator(".meter .faint").count(), 1);
    // 60 jobs of which every twentieth failed, and those of this test.
    assert.equal(await tile("Failed"), "Failed6 %4 of 62");
    assert.match(await tile("Waiting"), /^Waiting1oldest for /);
    assert.match(await tile("Running"), /^Running1of 2 at once/);
    await p.admin.query("update jobs.runners set paused_until = 'infinity' where runner = 'ec2'");
    await capacity.getByText("none waiting · closed").waitFor();
    await p.admin.query("update jobs.runners set paused_until = null");
    await p.admin.query("delete from jobs.runs where version = 'warm'");
  });

  it("leads from an error, and from slow work, to the jobs", async () => {
    const page = await p.open(token);
    await page.getByRole("button", { name: "InvalidRows" }).click();
    await page.getByRole("link", { name: "many-1", exact: true }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "bad", exact: true }).waitFor();
    assert.match(page.url(), /#\/\?text=InvalidRows&status=FAILED$/);
    await page.getByRole("region", { name: "Slowest work" }).getByRole("button", { name: "price_export" }).click();
    await page.waitForURL(/text=price_export/);
    assert.equal(await page.getByRole("searchbox").inputValue(), "price_export");
  });

  it("finds jobs as one types, by keyboard, keeps the search in its address, and shows all again", async () => {
    const page = await p.open(token);
    const rows = page.getByRole("row").filter({ has: page.getByRole("rowheader") });
    await rows.nth(20).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("many 17");
    await rows.nth(1).waitFor({ state: "detached" });
    assert.match(String(await rows.first().textContent()), /many-17/);
    assert.match(page.url(), /#\/\?text=many\+17$/);
    await page.keyboard.type("zzz");
    await page.getByText("No jobs match.").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await rows.nth(20).waitFor();
    await page.getByLabel("State").selectOption("FAILED");
    await page.getByRole("link", { name: "bad", exact: true }).waitFor();
    assert.match(page.url(), /status=FAILED/);
  });

  it("loses no key of somebody who goes on typing while the search is sent", async () => {
    const page = await p.open(token);
    const search = page.getByRole("searchbox", { name: "Search jobs" });
    await search.waitFor();
    // A key in the instant in which what was typed before becomes the page's search.
    await page.evaluate(`{
      const { replaceState } = history;
      history.replaceState = (...given) => {
        replaceState.apply(history, given);
        history.replaceState = replaceState;
        const input = document.querySelector("input[type=search]");
        input.value += "7";
        input.dispatchEvent(new InputEvent("input", { bubbles: true }));
      };
    }`);
    await search.fill("many 1");
    await page.waitForURL(/text=many\+17$/);
    assert.equal(await search.inputValue(), "many 17");
  });

  it("says to who listens what has changed, and not that time passes", async () => {
    const page = await p.open(token);
    const said = page.getByRole("status");
    const sentence = page.locator(".verdict p");
    await sentence.getByText(/The one Glue run is taken/).waitFor();
    const before = await said.textContent();
    const shown = await sentence.textContent();
    await sentence.filter({ hasNotText: String(shown) }).waitFor();
    assert.equal(await said.textContent(), before);
    assert.match(String(before), /The one Glue run is taken/);
  });

  it("shows a job's timeline, attempts and result, whose text stays text", async () => {
    const page = await p.open(token, at("good"));
    for (const name of ["Timeline", "Attempts", "Result", "Task"]) await heading(page, name);
    const phases = await page.getByRole("region", { name: "Timeline" }).getByRole("listitem").allInnerTexts();
    assert.deepEqual(
      phases.map((text) => text.trim().split(/\s/)[0]),
      ["Waiting", "Starting", "Running", "Responding"],
    );
    await page.getByRole("cell", { name: "<img src=x onerror=alert(1)>" }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download result" }).click();
    assert.equal((await download).suggestedFilename(), "good.csv");
  });

  it("shows the report of a job that failed, fault by fault, and retries it", async () => {
    const page = await p.open(token, at("bad"));
    await heading(page, "InvalidRows");
    for (const value of Object.values(FAULT))
      await page.getByRole("cell", { name: String(value), exact: true }).waitFor();
    const report = page.getByRole("region", { name: "InvalidRows" });
    assert.deepEqual(await report.getByRole("columnheader").allInnerTexts(), ["line", "column", "value", "reason"]);
    await report.getByText("… and 1,799 more").waitFor();
    const download = page.waitForEvent("download");
    await report.getByRole("button", { name: "Download all" }).click();
    assert.equal(await readFile(await (await download).path(), "utf8"), REPORT);
    await page.evaluate("scrollTo(0, document.body.scrollHeight)");
    await page.getByRole("button", { name: "Retry" }).click();
    await heading(page, "bad.retry-1");
    await page.getByRole("link", { name: "bad", exact: true }).waitFor();
    // Another job is another page: it begins at its top and its heading.
    await page.locator("h1:focus").getByText("bad.retry-1").waitFor();
    assert.equal(await page.evaluate("scrollY"), 0);
    assert.equal(await page.title(), "bad.retry-1 · Rates platform");
  });

  it("shows how far a running job is, on its page and among the others", async () => {
    const progress = { rows: 5, bytes: 1_200, estimatedRows: 10 };
    await p.admin.query("update jobs.jobs set progress = $1, version = version + 1 where request_id = 'running'", [
      JSON.stringify(progress),
    ]);
    await project(p.context);
    const page = await p.open(token, at("running"));
    await page.getByText(/^5 rows of about 10 · 1\.2\skB · /).waitFor();
    const half = page.getByRole("meter", { name: "Progress" });
    assert.equal(await half.getAttribute("aria-valuenow"), "50");
    await page.getByRole("link", { name: "Rates platform" }).click();
    await page.getByRole("link", { name: "running", exact: true }).waitFor();
    assert.equal(await half.getAttribute("aria-valuenow"), "50");
  });

  it("says why a job waits, and what is before it", async () => {
    const page = await p.open(token, at("waiting"));
    await page.getByText(/^Waiting for a Glue run: 1 of 1 busy, next in line, /).waitFor();
    await page.goto(`${p.origin}/dashboard${at("good")}`);
    await heading(page, "Timeline");
    assert.equal(await page.getByText(/^Waiting for/).count(), 0);
  });

  it("cancels a job, live", async () => {
    await submit("unwanted");
    const page = await p.open(token, at("unwanted"));
    await page.getByRole("button", { name: "Cancel job" }).click();
    await page.locator(".badge").getByText("Cancelled").waitFor();
    await page.getByRole("button", { name: "Cancel job" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Retry" }).waitFor();
  });

  it("makes a form of a named query, brings problems back to their fields, estimates, and submits", async () => {
    const page = await p.open(token, "#/submit");
    await page.getByRole("link", { name: /^average_rates/ }).click();
    await page.getByRole("button", { name: "Submit", exact: true }).click();
    const origin = page.getByLabel("orig_code");
    await page
      .getByText(/This is missing: /)
      .first()
      .waitFor();
    assert.equal(await page.locator(":focus").getAttribute("aria-invalid"), "true");
    assert.match(String(await origin.getAttribute("aria-describedby")), /problem/);
    await origin.fill("AEJEA");
    await page.getByLabel("dest_code").fill("ITSPE");
    await page.getByLabel("date_from").fill("2021-01-01");
    await page.getByLabel("date_to").fill("2021-01-31");
    await page.getByRole("button", { name: "Estimate" }).click();
    await page.getByText(/^About \d+ rows/).waitFor();
    await page.getByText("Name, priority and labels").click();
    await page.getByLabel("Request id").fill("from-a-form");
    await page.getByLabel("Labels").fill("team=pricing");
    await page.getByRole("button", { name: "Submit", exact: true }).click();
    await heading(page, "from-a-form");
    const { rows } = await p.admin.query("select task, labels from jobs.jobs where request_id = 'from-a-form'");
    assert.deepEqual(rows[0].labels, { team: "pricing" });
    assert.equal(rows[0].task.params.orig_code, "AEJEA");
  });

  it("puts dead letters back by class", async () => {
    const { sqs, queues } = p.context;
    for (const errorType of ["DatabaseUnavailable", "StorageUnavailable"])
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queues.deadLetters,
          MessageBody: JSON.stringify({ requestId: `from-${errorType}`, task: read }),
          MessageAttributes: {
            errorType: { DataType: "String", StringValue: errorType },
            reason: { DataType: "String", StringValue: `because of ${errorType}` },
          },
        }),
      );
    const page = await p.open(token, "#/letters");
    await page.getByText("Puts 2 messages back into the request queue, as if sent now").waitFor();
    await page.locator("header").getByText("2", { exact: true }).waitFor();
    await page.getByRole("searchbox").fill("of storage");
    const letters = page.getByRole("region", { name: "Messages" }).locator("details");
    await letters.nth(1).waitFor({ state: "detached" });
    await letters.first().locator("summary").click();
    await letters.getByText("because of StorageUnavailable").waitFor();
    assert.match(String(await letters.locator("pre").textContent()), /from-StorageUnavailable/);
    assert.deepEqual(await violationsOf(page), []);
    await page.getByRole("checkbox", { name: "StorageUnavailable" }).uncheck();
    await page.getByRole("button", { name: "Requeue" }).click();
    await page.getByText("1 put back into the request queue.").waitFor();
    await page.getByRole("checkbox", { name: "DatabaseUnavailable" }).waitFor({ state: "detached" });
    const back = (await p.receive(queues.requests)).map(({ Body = "" }) => JSON.parse(Body).requestId);
    assert.deepEqual(back, ["from-DatabaseUnavailable"]);
    await page.getByRole("button", { name: "Requeue" }).click();
    await page.getByText("There are none.").waitFor();
  });

  it("shows who did what, finds it, leads to the job, and exports it", async () => {
    await submit("audited-1");
    const page = await p.open(token, "#/audit");
    await page.getByRole("link", { name: "audited-1" }).waitFor();
    await page.getByRole("searchbox").fill("nobody has this name");
    await page.getByText("No entries match.").waitFor();
    await page.getByRole("searchbox").fill("audited-1");
    const link = page.getByRole("link", { name: "audited-1" });
    await link.waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    const content = await readFile(String(await (await download).path()), "utf8");
    assert.match(content, /^id,at,tenant,actorId,actor,via,action,target,detail\r\n\d+,.*,submit,audited-1,/);
    assert.deepEqual(await violationsOf(page), []);
    await link.click();
    await heading(page, "Timeline");
  });

  it("offers what the token may do and nothing else", async () => {
    const page = await p.open(await p.token("read"), at("bad"));
    await heading(page, "InvalidRows");
    await page.getByText("default").first().waitFor();
    for (const name of ["Retry", "Cancel job"]) assert.equal(await page.getByRole("button", { name }).count(), 0, name);
    for (const name of ["Submit", "Dead letters"])
      assert.equal(await page.getByRole("link", { name }).count(), 0, name);
  });

  it("keeps what it shows while the API is away, says so, and goes on by itself", async () => {
    const page = await p.open(token);
    await page.getByRole("link", { name: "good", exact: true }).waitFor();
    await page.context().setOffline(true);
    await page.locator("main > [role=alert]").getByText("cannot be reached").waitFor();
    // Once: the figures and the list of jobs come from the same API.
    assert.equal(await page.getByRole("alert").count(), 1);
    assert.equal(await page.getByRole("link", { name: "good", exact: true }).count(), 1);
    await page.context().setOffline(false);
    await page.getByRole("alert").first().waitFor({ state: "detached" });
    p.complaints.splice(0); // the browser's own, about the network
  });

  it("is worked by keyboard: a way past the navigation, and each page begins at its heading", async () => {
    const page = await p.open(token);
    await page.getByRole("link", { name: "good", exact: true }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.locator(":focus").textContent(), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(":focus").getAttribute("id"), "content");
    await page.getByRole("link", { name: "good", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.locator("h1:focus").getByText("good").waitFor();
  });

  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [360, 1_280])
      it(`passes axe and fits the window, ${colorScheme}, ${width} pixels wide`, async function () {
        this.timeout(240_000);
        const seen: Record<string, (page: Page) => Promise<void>> = {
          "#/": (page) => page.getByRole("link", { name: "good", exact: true }).waitFor(),
          "#/?text=nothing-like-it": (page) => page.getByText("No jobs match.").waitFor(),
          [at("good")]: (page) => heading(page, "Result"),
          [at("bad")]: (page) => heading(page, "InvalidRows"),
          [at("running")]: (page) => page.getByText("At work", { exact: true }).waitFor(),
          [at("unknown")]: (page) => page.getByRole("alert").waitFor(),
          "#/submit/query/price_export": (page) => heading(page, "price_export"),
          "#/letters": (page) => page.getByText("There are none.").waitFor(),
        };
        for (const [hash, there] of Object.entries(seen)) {
          const page = await p.open(token, hash, { colorScheme, viewport: { width, height: 900 } });
          await there(page);
          assert.deepEqual(await violationsOf(page), [], hash);
          assert.equal(await overflowOf(page), 0, hash);
          await page.context().close();
        }
        const page = await p.open(undefined, "#/", { colorScheme, viewport: { width, height: 900 } });
        await page.getByLabel("Token").waitFor();
        assert.deepEqual([await violationsOf(page), await overflowOf(page)], [[], 0]);
      });

  it("fits a very wide window too", async () => {
    const page = await p.open(token, "#/", { viewport: { width: 3_000, height: 1_200 } });
    await page.getByRole("link", { name: "good", exact: true }).waitFor();
    assert.deepEqual([await violationsOf(page), await overflowOf(page)], [[], 0]);
  });
});
