import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { manyJobs } from "../../testing/dashboard/manyJobs.ts";
import { dashboardFor } from "../../testing/dashboard/page.ts";

/** How far the page's clock goes at a time. Milliseconds. */
const TICK = 250;

describe("how often the dashboard looks", function () {
  this.timeout(60_000);
  this.slow(10_000);
  let browser: Browser | undefined;
  let p: Awaited<ReturnType<typeof dashboardFor>>;
  let token = "";
  before(async function () {
    browser = await startChromium(this);
    p = await dashboardFor(browser);
    token = await p.token("admin");
    await manyJobs(p.admin, 10);
  });
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    p?.complaints.splice(0); // the browser's own, about the network
  });
  after(async () => {
    await browser?.close();
    await p?.close();
  });

  /** Opens a page whose time goes on faster when it is told to, and counts what it asks. */
  const open = async (hash: string, what: RegExp) => {
    const page = await p.open(undefined, hash);
    await page.getByLabel("Token").waitFor();
    const asks = { count: 0 };
    page.on("request", (request) => {
      if (what.test(request.url())) asks.count += 1;
    });
    await page.clock.install();
    await p.signIn(page, token);
    await page.reload();
    return { page, asks };
  };
  const pass = async (page: Page, ms: number) => {
    for (let passed = 0; passed < ms; passed += TICK) await page.clock.runFor(TICK);
  };
  /** How long by the page's clock until it asks again. */
  const untilNext = async (page: Page, asks: { count: number }) => {
    const before = asks.count;
    let passed = 0;
    for (; asks.count === before && passed < 60_000; passed += TICK) await page.clock.runFor(TICK);
    return passed;
  };

  it("looks again every two seconds, and less and less often while the API fails", async () => {
    const { page, asks } = await open("#/", /stats\/figures/);
    await page.locator(".verdict strong").waitFor();
    assert.ok((await untilNext(page, asks)) <= 5_000);
    await page.route(/stats\/figures/, (route) => route.abort());
    const failed = () => page.waitForEvent("requestfailed", (request) => /stats\/figures/.test(request.url()));
    const gaps: number[] = [];
    for (let time = 0; time < 3; time += 1) {
      const failure = failed();
      gaps.push(await untilNext(page, asks));
      await failure;
    }
    // Seconds that have passed by themselves meanwhile are not in them: the second would be 2, the third 4.
    assert.ok((gaps[2] ?? 0) > 1_500, `${gaps}`);
  });

  it("looks no more at what cannot change any more", async () => {
    const { page, asks } = await open("#/jobs/default/many-1", /\/jobs\/many-1\?/);
    await page.getByRole("heading", { name: "Timeline" }).waitFor();
    await pass(page, 15_000);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await pass(page, 1_000);
    assert.equal(asks.count, 1);
  });

  it("does not look while nobody sees it, and at once when somebody does again", async () => {
    const { page, asks } = await open("#/", /stats\/figures/);
    await page.locator(".verdict strong").waitFor();
    const seen = (hidden: boolean) =>
      page.evaluate(`{
        Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }`);
    await seen(true);
    const before = asks.count;
    await pass(page, 15_000);
    assert.equal(asks.count, before);
    const asked = page.waitForRequest(/stats\/figures/);
    await seen(false);
    await asked;
  });
});
