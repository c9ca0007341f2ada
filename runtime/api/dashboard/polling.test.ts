import assert from "node:assert/strict";
import type { Browser, Page } from "playwright";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";
import { dashboardFor } from "../../testing/dashboard/page.ts";

/** Step of the page's clock. Milliseconds. */
const TICK = 250;

describe("the dashboard's polling", function () {
  this.timeout(60_000);
  this.slow(10_000);
  let browser: Browser | undefined;
  let p: Awaited<ReturnType<typeof dashboardFor>>;
  let token = "";
  before(async function () {
    browser = await startChromium(this);
    p = await dashboardFor(browser);
    token = await p.token("admin");
    await createManyJobs(p.admin, 10);
  });
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    p?.errors.splice(0); // the browser's own network errors
  });
  after(async () => {
    await browser?.close();
    await p?.close();
  });

  /** Opens a page, stops its clock once `isShown`, and counts requests that match `what`. */
  const open = async (hash: string, what: RegExp, isShown: (page: Page) => Promise<void>) => {
    const page = await p.open(undefined, hash);
    await page.getByLabel("Token").waitFor();
    const requests = { count: 0 };
    page.on("request", (request) => {
      if (what.test(request.url())) requests.count += 1;
    });
    await page.clock.install();
    await p.signIn(page, token);
    await page.reload();
    await isShown(page);
    await page.clock.pauseAt(new Date((await page.evaluate<number>("Date.now()")) + 1_000));
    await page.waitForLoadState("networkidle");
    return { page, requests };
  };
  const pass = async (page: Page, ms: number) => {
    for (let passed = 0; passed < ms; passed += TICK) await page.clock.runFor(TICK);
  };
  /** Returns the time of the page's clock until the next request. */
  const untilNext = async (page: Page, requests: { count: number }) => {
    const before = requests.count;
    let passed = 0;
    for (; requests.count === before && passed < 60_000; passed += TICK) await page.clock.runFor(TICK);
    return passed;
  };
  /** Counts the timers of a second and more that the page sets from now on. */
  const countTimers = (page: Page) =>
    page.evaluate(`{
      const { setTimeout } = window;
      window.timersSet = 0;
      window.setTimeout = (run, ms, ...more) => {
        if (ms >= 1_000) window.timersSet += 1;
        return setTimeout(run, ms, ...more);
      };
    }`);
  const timers = (page: Page) => page.evaluate<number>("window.timersSet");
  const verdict = (page: Page) => page.locator(".verdict strong").waitFor();

  it("polls at short intervals, and doubles them while the API fails", async () => {
    const { page, requests } = await open("#/", /stats\/figures/, verdict);
    const answered = page.waitForEvent("requestfinished", (request) => /stats\/figures/.test(request.url()));
    assert.ok((await untilNext(page, requests)) <= 5_000);
    await answered;
    await page.route(/stats\/figures/, (route) => route.abort());
    await countTimers(page);
    const gaps: number[] = [];
    for (let time = 0; time < 4; time += 1) {
      const failure = page.waitForEvent("requestfailed", (request) => /stats\/figures/.test(request.url()));
      const before = await timers(page);
      gaps.push(await untilNext(page, requests));
      await failure;
      // The page sets its next timer once it has handled the failure; until then its clock must not advance.
      while ((await timers(page)) === before);
    }
    const [, first = 0, second = 0, third = 0] = gaps;
    assert.ok(first >= 1_000 && second > 1.5 * first && third > 1.5 * second, `${gaps}`);
  });

  it("stops when the result is final", async () => {
    const { page, requests } = await open("#/jobs/default/many-1", /\/jobs\/many-1\?/, (shown) =>
      shown.getByRole("heading", { name: "Timeline" }).waitFor(),
    );
    await pass(page, 15_000);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await pass(page, 1_000);
    assert.equal(requests.count, 1);
  });

  it("pauses while the page is hidden, and continues at once when it is visible", async () => {
    const { page, requests } = await open("#/", /stats\/figures/, verdict);
    const setHidden = (hidden: boolean) =>
      page.evaluate(`{
        Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }`);
    await setHidden(true);
    const before = requests.count;
    await pass(page, 15_000);
    assert.equal(requests.count, before);
    const next = page.waitForRequest(/stats\/figures/);
    await setHidden(false);
    await next;
  });
});
