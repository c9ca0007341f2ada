import assert from "node:assert/strict";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Page } from "playwright";
import { JobError } from "../../contract/errors.ts";
import { syncRejected } from "../../dispatcher/syncRejected.ts";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { backendOf } from "../../store/backend.ts";
import { claim, finish, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { createToken } from "../../store/tokens.ts";
import { expect } from "../../testing/dashboard/expect.ts";
import { dashboardSuite, jobAt } from "../../testing/dashboard/fixture.ts";
import { HOSTILE, INJECTED } from "../../testing/dashboard/hostile.ts";
import { misplacedIn } from "../../testing/dashboard/page.ts";
import { testPlan } from "../../testing/jobs.ts";

const MARKUP = HOSTILE[0] ?? "";
const AS_CSV = HOSTILE.map((text) => `"${text.replaceAll('"', '""')}"`);
const SQL = `select '${HOSTILE.map((text) => text.replaceAll("'", "''")).join("', '")}' as a`;
const WIDTHS = [360, 1_280];
const ENCODED = encodeURIComponent(HOSTILE.slice(0, 6).join(" "));

describe("text of callers in the dashboard", function () {
  this.timeout(120_000);
  this.slow(20_000);
  let rejectedId = "";
  const suite = dashboardSuite({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } }, async ({ p, submit, token }) => {
    const labels = Object.fromEntries(HOSTILE.map((text) => [text.slice(0, 64), text]));
    const task = { type: "read", sql: SQL, format: "csv" };
    for (const requestId of ["result", "report"]) await submit(requestId, { task, labels });
    const keeper = await p.role("job_keeper");
    const [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
    await runStarted(keeper, run);
    const endJob = async (outcome: object) => {
      const job = await claim(keeper, run, await backendOf(keeper), "javascript:globalThis.ran=1");
      assert(job);
      await finish(keeper, job, { status: "SUCCEEDED", rows: 2, bytes: 1, peakMemoryBytes: 1, ...outcome });
    };
    const days = HOSTILE.map((_, index) => `2021-01-0${1 + (index % 2)}`);
    const inline = `${AS_CSV.join()},day,price\n${days.map((day) => `${AS_CSV.join()},${day},5`).join("\n")}\n`;
    await endJob({ result: JSON.stringify({ inline, format: "csv", rows: days.length }) });
    const details = HOSTILE.map((text, index) => ({
      line: index,
      column: text,
      value: text,
      reason: text,
      [text]: text,
    }));
    const error = {
      ...new JobError("InvalidRows", { count: 1, rows: 2 }, { details }).body(),
      message: HOSTILE.join(" "),
    };
    await endJob({ status: "FAILED", error });
    await submit("waiting", { task, labels });

    const headers = { authorization: `Bearer ${token}` };
    const params = Object.fromEntries(HOSTILE.map((text) => [text, text]));
    const refused = { requestId: HOSTILE.join(" "), task: { type: "read", query: "average_rates", params } };
    await p.app.inject({ method: "POST", url: "/jobs", headers, payload: refused });
    for (const text of HOSTILE) {
      const attribute = (value: string) => ({ DataType: "String", StringValue: value });
      await p.context.sqs.send(
        new SendMessageCommand({
          QueueUrl: p.context.queues.deadLetters,
          MessageBody: text,
          MessageAttributes: { errorType: attribute("UnreadableMessage"), reason: attribute(text) },
        }),
      );
      const created = await createToken(p.admin, { name: text.slice(0, 100), tenant: "default", scopes: ["read"] });
      await p.open(created.token, "#/audit").then((page) => page.context().close());
      await p.admin.query("insert into regions values ($1, $1, null) on conflict do nothing", [
        `place ${text.slice(0, 58)}`,
      ]);
    }
    await p.admin.query(
      "insert into jobs.usage select left(name, 64), '2026-01-01', 1, 1, 1, 1, 1, 1, 1 from unnest($1::text[]) name",
      [HOSTILE],
    );
    await syncTracking(p.context);
    await syncRejected(p.context);
    const listed = await p.app.inject({ url: "/jobs?status=REJECTED", headers });
    rejectedId = listed.json().jobs[0].rejectedId;
  });

  /** Opens a page, and checks it in a narrow and a wide window. */
  const check = async (hash: string, waitForText: (page: Page) => Promise<unknown>) => {
    const page = await suite.p.open(suite.token, hash, { viewport: { width: WIDTHS[0] ?? 0, height: 740 } });
    const foreignRequests: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(suite.p.origin)) foreignRequests.push(request.url());
    });
    await waitForText(page);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 740 });
      const problems = [await page.evaluate(INJECTED), foreignRequests, await misplacedIn(page)];
      assert.deepEqual(problems, [[], [], []], `${hash} at ${width} pixels`);
    }
    await page.context().close();
  };
  const waitForMarkup = (page: Page) => page.getByText(MARKUP).filter({ visible: true }).first().waitFor();

  it("stays text in lists of jobs and rejected requests", async () => {
    for (const hash of ["#/", "#/jobs"])
      await check(hash, (page) => page.getByRole("link", { name: "report" }).first().waitFor());
    await check("#/jobs?status=REJECTED", waitForMarkup);
  });

  it("stays text on the page of a rejected request", async () => {
    await check(`#/rejected/default/${rejectedId}`, waitForMarkup);
  });

  for (const id of ["result", "report", "waiting"])
    it(`stays text in labels, SQL, error, log and result of a job (${id})`, async () => {
      await check(jobAt(id), async (page) => {
        await page.locator("a.chip").getByText(MARKUP).first().waitFor();
        if (id === "result") await page.getByRole("cell", { name: MARKUP }).first().waitFor();
        if (id === "result") await page.locator(".day-chart canvas").waitFor();
        if (id === "report") await page.getByRole("cell", { name: MARKUP }).first().waitFor();
        await page.getByText("Raw JSON").click();
      });
    });

  it("stays text in dead letters", async () => {
    await check("#/dead-letters", async (page) => {
      await page.locator("details.letter").last().waitFor();
      for (const summary of await page.locator("details.letter summary").all()) await summary.click();
      await page.locator("details.letter pre").getByText(MARKUP).waitFor();
    });
  });

  it("stays text in the audit trail", async () => {
    await check("#/audit", (page) => page.getByRole("cell", { name: MARKUP }).first().waitFor());
  });

  it("stays text in names of tokens, and of tenants in the usage", async () => {
    await check("#/tokens", (page) => page.getByRole("cell", { name: MARKUP }).first().waitFor());
    await check("#/usage?month=2026-01", (page) => page.getByRole("cell", { name: MARKUP }).waitFor());
  });

  it("stays text in names of places, and in the history of queries", async () => {
    await check("#/query/query/price_export", async (page) => {
      const origin = page.getByRole("combobox", { name: "orig_code" });
      for (const text of HOSTILE.slice(0, 4)) {
        await origin.fill(`place ${text.slice(0, 20)}`);
        await page.getByRole("option").first().waitFor();
      }
    });
    await check("#/query/sql?again=default/report", async (page) => {
      await page.getByLabel("SQL", { exact: true }).waitFor();
      await page.locator(".recent").getByText(MARKUP).first().waitFor();
    });
  });

  it("stays text in names and contents of chosen files", async () => {
    await check("#/load", async (page) => {
      const buffer = Buffer.from(HOSTILE.join("\n"));
      for (const text of HOSTILE) {
        const name = `${text.replaceAll("/", "")}.csv`;
        await page.getByLabel("File", { exact: true }).setInputFiles({ name, mimeType: "text/csv", buffer });
        await page.getByLabel("First lines of the file").getByText(MARKUP).waitFor();
        await page.getByRole("button", { name: "Load", exact: true }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Keep as it is" }).click();
      }
    });
  });

  it("stays text in the address of each page", async () => {
    const pages = [
      `#/jobs?text=${ENCODED}&label=${ENCODED}&tenant=${ENCODED}&status=${ENCODED}&since=${ENCODED}&sort=${ENCODED}`,
      `#/jobs/${ENCODED}/${ENCODED}`,
      `#/rejected/${ENCODED}/${ENCODED}`,
      `#/query/query/${ENCODED}`,
      `#/query/sql?again=${ENCODED}`,
      `#/load?again=${ENCODED}`,
      `#/usage?month=${ENCODED}`,
      `#/tokens/${ENCODED}`,
      `#/audit?text=${ENCODED}&action=${ENCODED}`,
      `#/?over=${ENCODED}&from=${ENCODED}&to=${ENCODED}`,
      `#/${ENCODED}`,
      `#/sign-in-failed/${ENCODED}`,
      `#/signed-in/${encodeURIComponent("javascript:globalThis.ran=1")}`,
    ];
    for (const hash of pages) await check(hash, (page) => page.getByRole("heading", { level: 1 }).first().waitFor());
  });

  it("stays text in stored views, which link only to jobs", async () => {
    const views = HOSTILE.map((name) => ({ name, address: `#/jobs?text=${encodeURIComponent(name)}` }));
    const hostileView = { name: "elsewhere", address: "javascript:globalThis.ran=1" };
    const page = await suite.p.open(suite.token, "#/");
    await page.evaluate(
      `localStorage.setItem("rates-views:default", ${JSON.stringify(JSON.stringify([...views, hostileView]))})`,
    );
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByRole("navigation", { name: "Views" }).getByText(MARKUP).waitFor();
    await expect(page.getByText("elsewhere")).toHaveCount(0);
    assert.deepEqual(await page.evaluate(INJECTED), []);
  });
});
