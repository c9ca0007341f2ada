import assert from "node:assert/strict";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Page } from "playwright";
import { expect } from "../../testing/dashboard/expect.ts";
import { dashboardSuite, heading, jobAt } from "../../testing/dashboard/fixture.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";
import { oneOfEach } from "../../testing/dashboard/oneOfEach.ts";
import { accessibilityViolations, misplacedIn, overflowOf } from "../../testing/dashboard/page.ts";

/** Pages and their states by address. Each function waits for an element that appears once the page is rendered. */
const PAGES: Record<string, (page: Page) => Promise<void>> = {
  "#/": (page) => page.getByRole("link", { name: "bad", exact: true }).waitFor(),
  "#/?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z": (page) => page.getByText("No data").first().waitFor(),
  "#/jobs": (page) => page.getByRole("link", { name: "good", exact: true }).waitFor(),
  "#/jobs?text=nothing-like-it": (page) => page.getByText("No jobs match.").waitFor(),
  [jobAt("good")]: (page) => page.getByRole("cell", { name: "AEJEA" }).waitFor(),
  [jobAt("bad")]: (page) => heading(page, "InvalidRows"),
  [jobAt("running")]: (page) => page.getByText("Running", { exact: true }).nth(1).waitFor(),
  [jobAt("waiting")]: (page) => page.getByText(/^Waiting for a Glue run/).waitFor(),
  [jobAt("unknown")]: (page) => page.getByRole("alert").waitFor(),
  "#/query": (page) => heading(page, "average_rates"),
  "#/query/query/price_export": (page) => heading(page, "price_export"),
  "#/query/sql": (page) => heading(page, "SQL editor"),
  "#/query/query/nothing": (page) => heading(page, "Not found"),
  "#/load": (page) => heading(page, "Load a file"),
  "#/dead-letters": (page) => page.locator("details.letter").waitFor(),
  "#/usage?month=2026-01": (page) => page.getByRole("cell", { name: "Total" }).waitFor(),
  "#/usage?month=2000-01": (page) => page.getByText("No jobs ended in 2000-01.").waitFor(),
  "#/tokens": (page) =>
    page
      .getByRole("button", { name: /^Revoke / })
      .first()
      .waitFor(),
  "#/audit?action=submit": (page) => page.getByRole("link", { name: "good", exact: true }).waitFor(),
};

describe("the dashboard's appearance", function () {
  this.timeout(180_000);
  this.slow(30_000);
  const suite = dashboardSuite({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } }, async ({ p, submit }) => {
    await createManyJobs(p.admin, 20);
    await oneOfEach(p, submit);
    await p.admin.query(
      "insert into jobs.usage select repeat(name, 8), '2026-01-01', 123456, 1234, 12, 1e10, 1e13, 1e7, 1e7 from unnest(array['acme', 'globex']) name",
    );
    const { sqs, queues } = p.context;
    const errorType = { DataType: "String", StringValue: "DatabaseUnavailable" };
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queues.deadLetters,
        MessageBody: "{".repeat(300),
        MessageAttributes: { errorType, reason: { DataType: "String", StringValue: "r".repeat(300) } },
      }),
    );
  });

  /** Opens a page of the dashboard in a window of the given width. */
  const openAt = async (hash: string, width: number) => {
    const page = await suite.p.open(suite.token, hash, { colorScheme: "light", viewport: { width, height: 900 } });
    await PAGES[hash]?.(page);
    return page;
  };

  /** Loads a page again with another theme and width, so that its plots are drawn in that theme and width. */
  const reload = async (page: Page, hash: string, colorScheme: "light" | "dark", width: number) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await page.reload();
    await PAGES[hash]?.(page);
  };

  /** Returns the navigation and tables that scroll horizontally, by their labels. */
  const scrollableIn = (page: Page): Promise<string[]> =>
    page.evaluate(
      `[...document.querySelectorAll("nav, .scroll:not(.grid-scroll)")].filter((element) => element.scrollWidth > element.clientWidth).map((element) => element.getAttribute("aria-label"))`,
    );

  for (const hash of Object.keys(PAGES))
    it(`passes axe and fits its window at ${hash}`, async () => {
      const page = await openAt(hash, 360);
      const light = { axe: await accessibilityViolations(page), scrollable: await scrollableIn(page) };
      assert.deepEqual({ ...light, overflow: await overflowOf(page) }, { axe: [], scrollable: [], overflow: 0 });
      await reload(page, hash, "dark", 360);
      const narrow = { misplaced: await misplacedIn(page), overflow: await overflowOf(page) };
      assert.deepEqual(narrow, { misplaced: [], overflow: 0 });
      await reload(page, hash, "dark", 1_280);
      const wide = { axe: await accessibilityViolations(page, ["color-contrast"]), overflow: await overflowOf(page) };
      assert.deepEqual(wide, { axe: [], overflow: 0 });
    });

  it("passes axe and fits a narrow window before sign-in", async () => {
    const page = await suite.p.open(undefined, "#/", { viewport: { width: 360, height: 740 } });
    await page.getByLabel("Token").waitFor();
    assert.deepEqual([await accessibilityViolations(page), await overflowOf(page)], [[], 0]);
  });

  it("shows a word of the audit trail on one line in a window of 768 pixels", async () => {
    const page = await suite.p.open(suite.token, "#/audit", { viewport: { width: 768, height: 900 } });
    await page.getByRole("cell", { name: "dashboard" }).first().waitFor();
    const lines = await page.evaluate(
      `(() => {
        const text = document.createRange();
        text.selectNodeContents([...document.querySelectorAll("td")].find((cell) => cell.textContent === "dashboard"));
        return new Set([...text.getClientRects()].map(({ top }) => top)).size;
      })()`,
    );
    assert.equal(lines, 1);
  });

  it("shows a dead letter's type on one line in a window of 360 pixels", async () => {
    const page = await suite.p.open(suite.token, "#/dead-letters", { viewport: { width: 360, height: 900 } });
    const type = page.locator(".causes strong", { hasText: "DatabaseUnavailable" });
    await type.waitFor();
    const { height = 0 } = (await type.boundingBox()) ?? {};
    assert(height > 0 && height < 30, `${height}`);
  });

  it("fills the rows of the overview, with and without the platform's metrics", async () => {
    const viewport = { width: 1_920, height: 1_000 };
    const page = await suite.p.open(suite.token, "#/", { viewport });
    const topOf = async (name: string) => (await page.getByRole("region", { name }).boundingBox())?.y;
    await page.getByRole("region", { name: "Slowest work" }).waitFor();
    assert.equal(await topOf("Running now"), await topOf("Slowest work"));
    const readerPage = await suite.p.open(await suite.p.token("read"), "#/", { viewport });
    await expect(readerPage.locator(".tile")).toHaveCount(4);
    const endOf = async (selector: string) => {
      const { x = 0, width = 0 } = (await readerPage.locator(selector).last().boundingBox()) ?? {};
      return x + width;
    };
    const [tile, tiles] = [await endOf(".tile"), await endOf(".tiles")];
    assert(tile > 0 && Math.abs(tiles - tile) <= 1.5, `${tile} ${tiles}`);
  });

  for (const hash of ["#/", "#/jobs", jobAt("good"), "#/query", "#/dead-letters"])
    it(`fits windows of 768 to 3,000 pixels at ${hash}`, async () => {
      const page = await openAt(hash, 768);
      for (const width of [768, 1_920, 3_000]) {
        if (width > 768) await reload(page, hash, "light", width);
        const problems = { misplaced: await misplacedIn(page), overflow: await overflowOf(page) };
        assert.deepEqual(problems, { misplaced: [], overflow: 0 }, `${width} pixels`);
      }
    });
});
