import assert from "node:assert/strict";
import type { Browser, Page } from "playwright";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";
import { dashboardFor } from "../../testing/dashboard/page.ts";

describe("the dashboard's first view", function () {
  this.timeout(60_000);
  this.slow(10_000);
  let browser: Browser | undefined;
  let p: Awaited<ReturnType<typeof dashboardFor>>;
  let token = "";
  before(async function () {
    browser = await startChromium(this);
    p = await dashboardFor(browser);
    token = await p.token("admin");
    await createManyJobs(p.admin, 40);
  });
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    assert.deepEqual(p?.errors, []);
  });
  after(async () => {
    await browser?.close();
    await p?.close();
  });

  const isThere = (page: Page) =>
    Promise.all([
      page.getByRole("link", { name: "many-20", exact: true }).waitFor(),
      page.getByRole("region", { name: "Slowest work" }).getByText("price_export").waitFor(),
    ]);
  /** Requests of a page to the API, in order. */
  const asksOf = (page: Page) => {
    const asks: string[] = [];
    page.on("request", (request) => {
      const { pathname, search } = new URL(request.url());
      if (!pathname.startsWith("/dashboard")) asks.push(pathname + search);
    });
    return asks;
  };
  /** Opens a page whose main module is delayed until all expected requests were sent. */
  const openHeld = async (hash: string, wanted: string[]) => {
    const page = await p.open(undefined, hash);
    await page.getByLabel("Token").waitFor();
    await p.signIn(page, token);
    const asks = asksOf(page);
    await page.route("**/main.js", async (route) => {
      while (!wanted.every((one) => asks.includes(one))) await page.waitForEvent("request");
      await route.continue();
    });
    await page.reload();
    return { page, asks };
  };

  it("requests its data before the other modules have loaded, and nothing twice", async () => {
    const wanted = [
      "/stats/figures?over=1h",
      "/jobs?limit=6&status=IN_PROGRESS&order=asc",
      "/jobs?limit=6&status=FAILED&sort=finishedAt",
    ];
    const { page, asks } = await openHeld("#/", wanted);
    await isThere(page);
    assert.deepEqual(asks.slice(0, 3).sort(), wanted.sort());
    // Later requests are sent by polling.
    await page.waitForResponse(/stats\/figures/);
    const times = await page.evaluate(
      "performance.getEntriesByType('resource').filter(({ name }) => /stats.figures/.test(name)).map(({ startTime }) => startTime)",
    );
    const [first = 0, second = 0] = times as number[];
    assert.ok(second - first >= 1_500, `${times}`);
  });

  it("requests the search in its address early too", async () => {
    const search = "/jobs?limit=25&text=many+7&status=SUCCEEDED";
    const { page, asks } = await openHeld("#/jobs?text=many+7&status=SUCCEEDED", [search]);
    await page.getByRole("link", { name: "many-7", exact: true }).waitFor();
    assert.equal(asks.filter((one) => one.startsWith("/jobs")).length, 1);
  });

  it("requests nothing early without a token, and no overview data for a job's page", async () => {
    const page = await p.open(undefined);
    const asks = asksOf(page);
    await page.reload();
    await page.getByLabel("Token").waitFor();
    // No user is signed in in this browser, so only the sign-in methods are requested.
    assert.deepEqual([...new Set(asks)], ["/login"], "only the ways to sign in");
    const job = await p.open(token, "#/jobs/default/many-1");
    const asked = asksOf(job);
    await job.reload();
    await job.getByRole("heading", { name: "Timeline" }).waitFor();
    assert.ok(!asked.some((one) => one.startsWith("/jobs?")), asked.join(" "));
  });

  it("does not show an early response when the overview is opened later", async () => {
    const page = await p.open(undefined);
    await page.getByLabel("Token").waitFor();
    await p.signIn(page, token);
    const asks = asksOf(page);
    const figures = () => asks.filter((one) => one.startsWith("/stats/figures?over=1h")).length;
    await page.route("**/main.js", async (route) => {
      while (figures() === 0) await page.waitForEvent("request");
      await page.evaluate("location.hash = '#/jobs/default/many-1'");
      await route.continue();
    });
    await page.reload();
    await page.getByRole("heading", { name: "Timeline" }).waitFor();
    assert.equal(figures(), 1);
    await page.evaluate("location.hash = '#/'");
    await isThere(page);
    assert.ok(figures() >= 2);
  });

  it("reads its files from the browser's cache on reload", async () => {
    const page = await p.open(token);
    await isThere(page);
    await page.reload();
    await isThere(page);
    const files = (await page.evaluate(
      "performance.getEntriesByType('resource').filter(({ name }) => /dashboard\\//.test(name)).map(({ name, transferSize }) => ({ name, transferSize }))",
    )) as { name: string; transferSize: number }[];
    assert.ok(files.length > 30);
    assert.deepEqual(
      files.filter(({ transferSize }) => transferSize > 0),
      [],
    );
  });
});
