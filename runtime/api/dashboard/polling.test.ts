import assert from "node:assert/strict";
import type { Browser, Page } from "playwright";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";
import { dashboardFor } from "../../testing/dashboard/page.ts";

/** Step of the page's clock. */
const TICK_MS = 250;

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

  /** Opens a page, counts its requests that match a pattern, and stops its clock once it is rendered. */
  const open = async (hash: string, pattern: RegExp, waitUntilShown: (page: Page) => Promise<void>) => {
    const page = await p.open(undefined, hash);
    await page.getByLabel("Token").waitFor();
    const requests = { count: 0 };
    page.on("request", (request) => {
      if (pattern.test(request.url())) requests.count += 1;
    });
    await page.clock.install();
    await p.signIn(page, token);
    await page.reload();
    await waitUntilShown(page);
    await page.clock.pauseAt(new Date((await page.evaluate<number>("Date.now()")) + 1_000));
    await page.waitForLoadState("networkidle");
    return { page, requests };
  };
  const advance = async (page: Page, ms: number) => {
    for (let passed = 0; passed < ms; passed += TICK_MS) await page.clock.runFor(TICK_MS);
  };
  /** Counts the page's calls of fetch from now on. The browser reports a request later, when the clock has advanced. */
  const countFetches = (page: Page) =>
    page.evaluate(`{
      const { fetch } = window;
      window.fetches = 0;
      window.fetch = (resource, ...more) => {
        if (/stats.figures/.test(resource.url ?? resource)) window.fetches += 1;
        return fetch(resource, ...more);
      };
    }`);
  /** Advances the page's clock to the next fetch, and returns the passed time. */
  const msUntilNext = async (page: Page) => {
    const fetches = () => page.evaluate<number>("window.fetches");
    const before = await fetches();
    let passed = 0;
    for (; (await fetches()) === before && passed < 60_000; passed += TICK_MS) await page.clock.runFor(TICK_MS);
    return passed;
  };
  /** Counts the timers of at least one second that the page sets after this call. */
  const countTimers = (page: Page) =>
    page.evaluate(`{
      const { setTimeout } = window;
      window.timersSet = 0;
      window.setTimeout = (run, ms, ...more) => {
        if (ms >= 1_000) window.timersSet += 1;
        return setTimeout(run, ms, ...more);
      };
    }`);
  const timersSet = (page: Page) => page.evaluate<number>("window.timersSet");
  const waitForVerdict = (page: Page) => page.locator(".verdict strong").waitFor();

  it("polls at short intervals, and doubles them while the API fails", async () => {
    const { page } = await open("#/", /stats\/figures/, waitForVerdict);
    const responded = page.waitForEvent("requestfinished", (request) => /stats\/figures/.test(request.url()));
    await countFetches(page);
    assert.ok((await msUntilNext(page)) <= 5_000);
    await responded;
    await page.route(/stats\/figures/, (route) => route.abort());
    await countTimers(page);
    const gaps: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const failure = page.waitForEvent("requestfailed", (request) => /stats\/figures/.test(request.url()));
      const before = await timersSet(page);
      gaps.push(await msUntilNext(page));
      await failure;
      // The page sets its next timer once it has handled the failure; until then its clock must not advance.
      while ((await timersSet(page)) === before);
    }
    const [, first = 0, second = 0, third = 0] = gaps;
    assert.ok(first >= 1_000 && second > 1.5 * first && third > 1.5 * second, `${gaps}`);
  });

  it("stops when the result is final", async () => {
    const { page, requests } = await open("#/jobs/default/many-1", /\/jobs\/many-1\?/, (shown) =>
      shown.getByRole("heading", { name: "Timeline" }).waitFor(),
    );
    await advance(page, 15_000);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await advance(page, 1_000);
    assert.equal(requests.count, 1);
  });

  it("pauses while the page is hidden, and continues at once when it is visible", async () => {
    const { page, requests } = await open("#/", /stats\/figures/, waitForVerdict);
    const setHidden = (hidden: boolean) =>
      page.evaluate(`{
        Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }`);
    await setHidden(true);
    const before = requests.count;
    await advance(page, 15_000);
    assert.equal(requests.count, before);
    const next = page.waitForRequest(/stats\/figures/);
    await setHidden(false);
    await next;
  });
});
