import assert from "node:assert/strict";
import type { Browser } from "playwright";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";
import { dashboardFor } from "../../testing/dashboard/page.ts";

const JOBS = 100_000;
/** Data that the overview requests: metrics, and running, waiting and failed jobs. */
const DATA = ["/jobs FAILED", "/jobs IN_PROGRESS", "/jobs PENDING", "/stats/figures"];
/** Maximum size of the data of a first view, for any number of jobs. */
const MAX_BYTES = 100_000;
/** Maximum number of statements of a metrics request: platform status, activity of the range and of the last hour. */
const MAX_STATEMENTS = 3;

describe(`the dashboard over ${JOBS.toLocaleString("en")} jobs`, function () {
  this.timeout(180_000);
  this.slow(60_000);
  let browser: Browser | undefined;
  let p: Awaited<ReturnType<typeof dashboardFor>>;
  before(async function () {
    browser = await startChromium(this);
    this.timeout(300_000);
    p = await dashboardFor(browser);
    await createManyJobs(p.admin, JOBS);
  });
  after(async () => {
    await browser?.close();
    await p?.close();
  });

  it("shows metrics, plots and the latest failed jobs with few requests and little data", async () => {
    const page = await p.open(await p.token("admin"), "#/audit");
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.goto("about:blank");
    const sizes = new Map<string, Promise<number>>();
    page.on("requestfinished", (request) => {
      // Polling may repeat a request.
      if (request.resourceType() === "fetch")
        sizes.set(
          request.url(),
          request.sizes().then(({ responseBodySize }) => responseBodySize),
        );
    });
    await page.goto(`${p.origin}/dashboard#/`);
    await Promise.all([
      page.getByRole("link", { name: "many-20", exact: true }).waitFor(),
      page.getByRole("region", { name: "Slowest work" }).getByText("price_export").waitFor(),
      page.locator(".plot canvas").nth(2).waitFor(),
    ]);
    const requests = [...sizes.keys()].map((url) => {
      const { pathname, searchParams } = new URL(url);
      return `${pathname} ${searchParams.get("status") ?? ""}`.trim();
    });
    assert.deepEqual(requests.filter((request) => request !== "/session").sort(), DATA);
    const bytes = (await Promise.all(sizes.values())).reduce((sum, size) => sum + size, 0);
    assert.ok(bytes > 0 && bytes <= MAX_BYTES, `${bytes} bytes`);
  });

  it("sends the statements of one request for ten concurrent requests for metrics", async () => {
    const headers = { authorization: `Bearer ${await p.token("admin")}` };
    let statements = 0;
    const { pool } = p;
    const query = pool.query;
    pool.query = ((...args: Parameters<typeof query>) => {
      if (/jobs\.(?:activity|platform_status)\b/.test(JSON.stringify(args[0]))) statements += 1;
      return query.apply(pool, args);
    }) as typeof query;
    const request = async () =>
      assert.equal((await p.app.inject({ url: "/stats/figures?over=24h", headers })).statusCode, 200);
    await Promise.all(Array.from({ length: 10 }, request));
    pool.query = query;
    assert.ok(statements > 0 && statements <= MAX_STATEMENTS, `${statements} statements`);
  });
});
