import assert from "node:assert/strict";
import type { Browser, Page } from "playwright";
import { startChromium } from "./chromium.ts";
import { dashboardFor } from "./page.ts";

export const READ = { type: "read", query: "price_export", params: {}, format: "csv" };

/**
 * Provides a browser and a dashboard for the tests of a file. After each test, all open pages are closed, and an error of
 * any page fails the test.
 */
export function dashboardSuite(
  settings: Record<string, object>,
  fill: (suite: DashboardSuite) => Promise<void> = async () => undefined,
): DashboardSuite {
  const suite = {} as DashboardSuite;
  before(async function () {
    suite.browser = await startChromium(this);
    suite.p = await dashboardFor(suite.browser, settings);
    suite.token = await suite.p.token("admin");
    suite.submit = async (requestId, change = {}) => {
      const headers = { authorization: `Bearer ${suite.token}` };
      const payload = { requestId, task: READ, ...change };
      const response = await suite.p.app.inject({ method: "POST", url: "/jobs", headers, payload });
      assert.equal(response.statusCode, 202, response.body);
    };
    await fill(suite);
  });
  afterEach(async () => {
    for (const context of suite.browser?.contexts() ?? []) await context.close();
    assert.deepEqual(suite.p?.errors, []);
  });
  after(async () => {
    await suite.browser?.close();
    await suite.p?.close();
  });
  return suite;
}

/** Fixture of dashboard tests; its fields are set by a `before` hook. */
export interface DashboardSuite {
  browser: Browser;
  p: Awaited<ReturnType<typeof dashboardFor>>;
  /** Token of an admin. */
  token: string;
  submit(requestId: string, change?: object): Promise<void>;
}

/** Returns the location of a job's page. */
export const jobAt = (requestId: string): string => `#/jobs/default/${requestId}`;
/** Waits for a heading. */
export const heading = (page: Page, name: string): Promise<void> =>
  page.getByRole("heading", { name, exact: true }).waitFor();
