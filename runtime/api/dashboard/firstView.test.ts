import assert from "node:assert/strict";
import type { Page } from "playwright";
import { dashboardSuite } from "../../testing/dashboard/fixture.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";

describe("the dashboard's first view", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite({}, async ({ p }) => createManyJobs(p.admin, 40));

  const waitForData = (page: Page) =>
    Promise.all([
      page.getByRole("link", { name: "many-20", exact: true }).waitFor(),
      page.getByRole("region", { name: "Slowest work" }).getByText("price_export").waitFor(),
    ]);
  /** Collects the requests of a page to the API, in order. */
  const requestsOf = (page: Page) => {
    const requests: string[] = [];
    page.on("request", (request) => {
      const { pathname, search } = new URL(request.url());
      if (!pathname.startsWith("/dashboard")) requests.push(pathname + search);
    });
    return requests;
  };
  /** Opens a page whose main module is delayed until all expected requests were sent. */
  const openDelayed = async (hash: string, expected: string[]) => {
    const page = await suite.p.open(undefined, hash);
    await page.getByLabel("Token").waitFor();
    await suite.p.signIn(page, suite.token);
    const requests = requestsOf(page);
    await page.route("**/main.js", async (route) => {
      while (!expected.every((request) => requests.includes(request))) await page.waitForEvent("request");
      await route.continue();
    });
    await page.reload();
    return { page, requests };
  };

  it("requests its data before the other modules have loaded, and only once", async () => {
    const expected = [
      "/stats/figures?over=1h",
      "/jobs?limit=6&status=IN_PROGRESS&order=asc",
      "/jobs?limit=6&status=FAILED&sort=finishedAt",
    ];
    const { page, requests } = await openDelayed("#/", expected);
    await waitForData(page);
    assert.deepEqual(requests.slice(0, 3).sort(), expected.sort());
    // Later requests are sent by polling.
    await page.waitForResponse(/stats\/figures/);
    const times = await page.evaluate(
      "performance.getEntriesByType('resource').filter(({ name }) => /stats.figures/.test(name)).map(({ startTime }) => startTime)",
    );
    const [first = 0, second = 0] = times as number[];
    assert.ok(second - first >= 1_500, `${times}`);
  });

  it("requests the search in its address before the other modules have loaded", async () => {
    const search = "/jobs?limit=25&text=many+7&status=SUCCEEDED";
    const { page, requests } = await openDelayed("#/jobs?text=many+7&status=SUCCEEDED", [search]);
    await page.getByRole("link", { name: "many-7", exact: true }).waitFor();
    assert.equal(requests.filter((request) => request.startsWith("/jobs")).length, 1);
  });

  it("preloads nothing before sign-in, and no overview data for a job's page", async () => {
    const page = await suite.p.open(undefined);
    const requests = requestsOf(page);
    await page.reload();
    await page.getByLabel("Token").waitFor();
    assert.deepEqual([...new Set(requests)], ["/login"], "only the sign-in methods");
    const job = await suite.p.open(suite.token, "#/jobs/default/many-1");
    const jobRequests = requestsOf(job);
    await job.reload();
    await job.getByRole("heading", { name: "Timeline" }).waitFor();
    assert.ok(!jobRequests.some((request) => request.startsWith("/jobs?")), jobRequests.join(" "));
  });

  it("does not use a preloaded response when the overview is opened later", async () => {
    const page = await suite.p.open(undefined);
    await page.getByLabel("Token").waitFor();
    await suite.p.signIn(page, suite.token);
    const requests = requestsOf(page);
    const figures = () => requests.filter((request) => request.startsWith("/stats/figures?over=1h")).length;
    await page.route("**/main.js", async (route) => {
      while (figures() === 0) await page.waitForEvent("request");
      await page.evaluate("location.hash = '#/jobs/default/many-1'");
      await route.continue();
    });
    await page.reload();
    await page.getByRole("heading", { name: "Timeline" }).waitFor();
    assert.equal(figures(), 1);
    await page.evaluate("location.hash = '#/'");
    await waitForData(page);
    assert.ok(figures() >= 2);
  });

  it("reads its files from the browser's cache on reload", async () => {
    const page = await suite.p.open(suite.token);
    await waitForData(page);
    await page.reload();
    await waitForData(page);
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
