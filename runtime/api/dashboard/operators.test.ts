import assert from "node:assert/strict";
import { createToken } from "../../store/tokens.ts";
import { expect } from "../../testing/dashboard/expect.ts";
import { dashboardSuite, heading } from "../../testing/dashboard/fixture.ts";
import { accessibilityViolations, overflowOf } from "../../testing/dashboard/page.ts";

describe("usage in the dashboard", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const runners = { glue: { slots: 1, usdPerHour: 0.0275 }, ec2: { slots: 1, usdPerHour: 0.2 } };
  const suite = dashboardSuite({ runners }, async ({ p }) => {
    await p.admin.query(`insert into jobs.usage (tenant, month, succeeded, failed, cancelled, rows, bytes, glue_seconds, ec2_seconds)
      values ('acme', '2026-01-01', 2, 1, 0, 1234, 2000, 3600, 1800), ('globex', '2026-01-01', 1, 0, 0, 5, 6, 7200, 0),
        ('acme', '2025-12-01', 9, 0, 0, 1, 1, 1, 1)`);
  });

  it("is shown to admins by tenant, with a total and the estimated cost, month by month", async () => {
    const page = await suite.p.open(suite.token, "#/usage?month=2026-01", { viewport: { width: 360, height: 800 } });
    const january = page.getByRole("group", { name: "Usage in 2026-01" });
    const globex = january.getByRole("row").nth(1);
    await expect(globex.getByRole("cell")).toHaveText([
      "globex",
      "1",
      "0",
      "0",
      "5",
      "6 B",
      "2.00 h",
      "0.00 h",
      "0.06",
    ]);
    await expect(january.getByRole("row").nth(2)).toHaveText("acme2101,2342.0 kB1.00 h0.50 h0.13");
    await expect(january.getByRole("row").nth(3)).toHaveText("Total3101,2392.0 kB3.00 h0.50 h0.18");
    await page.getByText("USD: run time at the list prices of eu-central-1").waitFor();
    assert.deepEqual([await accessibilityViolations(page), await overflowOf(page)], [[], 0]);
    await page.getByRole("button", { name: "Previous month" }).click();
    await expect(page).toHaveURL(/#\/usage\?month=2025-12$/);
    await expect(page.getByRole("group", { name: "Usage in 2025-12" }).getByRole("row")).toHaveCount(2);
    await page.getByLabel("Month (UTC)").fill("2000-02");
    await page.getByLabel("Month (UTC)").blur();
    await page.getByText("No jobs ended in 2000-02.").waitFor();
    // The current month is the last one, and has the shortest address.
    await page.getByRole("link", { name: "Usage", exact: true }).click();
    await expect(page).toHaveURL(/#\/usage$/);
    await expect(page.getByRole("button", { name: "Next month" })).toBeDisabled();
  });

  it("is limited to their own tenant for other callers, and links to its jobs", async () => {
    const { authorization } = await suite.p.as("acme", "read");
    const page = await suite.p.open(authorization.slice("Bearer ".length), "#/usage?month=2026-01");
    await heading(page, "Your tenant");
    await expect(page.getByRole("row")).toHaveCount(2);
    await expect(page.getByRole("link", { name: "Tokens", exact: true })).toHaveCount(0);
    await page.getByRole("link", { name: "acme", exact: true }).click();
    await expect(page).toHaveURL(/#\/jobs\?tenant=acme$/);
  });

  it("is hidden without the scope read, and dimmed while the API does not respond", async () => {
    const lacking = await suite.p.open(await suite.p.token("submit"), "#/usage");
    await lacking.getByRole("alert").getByText("lacks the scope 'read'").waitFor();
    await expect(lacking.getByRole("table")).toHaveCount(0);
    const page = await suite.p.open(suite.token, "#/usage?month=2026-01");
    await page.getByRole("cell", { name: "globex" }).waitFor();
    await page.route("**/usage?*", (route) => route.abort());
    await page.getByLabel("Month (UTC)").fill("2026-02");
    await page.getByLabel("Month (UTC)").blur();
    await page.getByRole("alert").getByText("cannot be reached").waitFor();
    await expect(page.locator(".live.stale").getByRole("cell", { name: "globex" })).toBeVisible();
    suite.p.errors.splice(0); // the browser's own network errors
  });

  it("says that a request is retried if the API fails or its response is truncated, but not after a refusal", async () => {
    const page = await suite.p.open(suite.token, "#/usage?month=2026-01");
    await page.getByRole("cell", { name: "globex" }).waitFor();
    const responses = [
      [503, "{}", "The API returned 503. Retrying automatically."],
      [200, '{"usage":', "The API's response could not be read. Retrying automatically."],
      [403, "{}", "The API returned 403."],
    ] as const;
    for (const [index, [status, body, text]] of responses.entries()) {
      await page.route("**/usage?*", (route) => route.fulfill({ status, body, contentType: "application/json" }));
      await page.getByLabel("Month (UTC)").fill(`2026-0${index + 2}`);
      await page.getByLabel("Month (UTC)").blur();
      await page.getByRole("alert").getByText(text, { exact: true }).waitFor();
    }
    suite.p.errors.splice(0); // the browser's own network errors
  });
});

describe("usage in the dashboard of a platform without prices", function () {
  this.timeout(60_000);
  const suite = dashboardSuite({});

  it("has no estimated cost", async () => {
    await suite.p.admin.query("insert into jobs.usage values ('acme', '2026-01-01', 2, 0, 0, 1, 1, 1, 1)");
    const page = await suite.p.open(suite.token, "#/usage?month=2026-01");
    await page.getByText("This platform has no prices, so no cost is estimated.").waitFor();
    await expect(page.getByRole("columnheader", { name: "USD" })).toHaveCount(0);
  });
});

describe("tokens in the dashboard", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite({});
  const statusWith = async (token: string) =>
    (await suite.p.app.inject({ url: "/session", headers: { authorization: `Bearer ${token}` } })).statusCode;

  it("are created with their scopes, shown once, listed, and revoked after a confirmation", async () => {
    const page = await suite.p.open(suite.token, "#/tokens");
    await page.getByLabel("Name").fill("billing");
    await page.getByLabel("Tenant", { exact: true }).fill("acme");
    await page.getByLabel("Expires").fill("2999-12-31");
    await page.getByRole("checkbox", { name: /^submit / }).check();
    await page.keyboard.press("Enter");
    const secret = page.getByRole("group", { name: "New token" });
    const field = secret.getByLabel(/^Token \w+ for acme\. Copy it now: it is not shown again\.$/);
    await expect(field).toHaveValue(/^rates_/);
    await expect(field).toBeFocused();
    assert.deepEqual(await accessibilityViolations(page), []);
    const token = await page.evaluate<string>("document.querySelector('#new-token').value");
    assert.equal(await statusWith(token), 200);
    await secret.getByRole("button", { name: "Done" }).click();
    await expect(secret).toHaveCount(0);
    assert.ok(!(await page.content()).includes(token));
    await expect(page.getByLabel("Name")).toHaveValue("");

    await page.getByRole("searchbox", { name: "Search tokens" }).fill("acme submit");
    const row = page.getByRole("row").filter({ has: page.getByRole("cell", { name: "billing" }) });
    // The day of the last use appears with the next poll.
    await expect(row).toHaveText(/acme.*read, submit.*\d{4}-\d\d-\d\d.*31 Dec 2999/);
    await row.getByRole("button", { name: "Revoke billing" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/of tenant acme, last used on \d{4}-\d\d-\d\d\.$/).waitFor();
    await page.keyboard.press("Escape");
    await expect(dialog).toHaveCount(0);
    assert.equal(await statusWith(token), 200);
    await row.getByRole("button", { name: "Revoke billing" }).click();
    await dialog.getByRole("button", { name: "Revoke token" }).click();
    await page
      .getByRole("status")
      .getByText(/^\w+ is revoked\.$/)
      .waitFor();
    assert.equal(await statusWith(token), 401);
    await page.getByText("No tokens match.").waitFor();
    await page.getByRole("checkbox", { name: "Show 1 revoked or expired" }).check();
    await expect(row).toHaveText(/revoked now/);
    const { rows } = await suite.p.admin.query("select action from jobs.audit where action like 'token.%' order by id");
    assert.deepEqual(
      rows.map(({ action }) => action),
      ["token.create", "token.revoke"],
    );
  });

  it("are refused with the API's message beside each invalid field", async () => {
    const page = await suite.p.open(suite.token, "#/tokens");
    await page.getByLabel("Expires").fill("2020-01-01");
    await page.getByLabel("Name").fill("x");
    await page.getByRole("button", { name: "Create token" }).click();
    await expect(page.locator("#token-expires-problem")).toHaveText(/must be a time in the future\.$/);
    await expect(page.getByLabel("Expires")).toBeFocused();
    await page.getByLabel("Name").fill("");
    await page.getByLabel("Tenant", { exact: true }).fill("no tenant!");
    await page.getByRole("checkbox", { name: /^read / }).uncheck();
    await page.getByRole("button", { name: "Create token" }).click();
    for (const id of ["token-name-problem", "token-tenant-problem", "scopes-problem"])
      await expect(page.locator(`#${id}`)).toHaveText(/must/);
    assert.deepEqual(await accessibilityViolations(page), []);
  });

  it("are not created while the API cannot be reached, and the request is not retried", async () => {
    const page = await suite.p.open(suite.token, "#/tokens");
    await page.getByLabel("Name").fill("x");
    await page.route("**/tokens", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
    await page.getByRole("button", { name: "Create token" }).click();
    await page.getByRole("alert").getByText("The API cannot be reached.", { exact: true }).waitFor();
    suite.p.errors.splice(0); // the browser's own network errors
  });

  it("of the current session cannot be revoked, but other sessions can be ended", async () => {
    const { id, token } = await createToken(suite.p.admin, { name: "own", tenant: "default", scopes: ["admin"] });
    const page = await suite.p.open(token, "#/tokens");
    await page.getByText("this session").waitFor();
    await page.getByRole("button", { name: "Revoke own" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke token" }).click();
    await page.getByRole("alert").getByText(`Token '${id}' authenticates this call`).waitFor();
    const other = await suite.p.open(
      (await suite.p.as("acme", "read")).authorization.slice("Bearer ".length),
      "#/jobs",
    );
    await other.locator("header").getByText("acme").waitFor();
    await page.getByRole("searchbox", { name: "Search tokens" }).fill("session acme");
    await page.getByRole("button", { name: /^End / }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End session" }).click();
    await page.getByText("No tokens match.").waitFor();
    await other.getByRole("alert").getByText("The session has expired or was ended. Sign in again.").waitFor();
  });

  it("are for admins only", async () => {
    const page = await suite.p.open(await suite.p.token("read", "submit"), "#/tokens");
    await page.getByRole("alert").getByText("lacks the scope 'admin'").waitFor();
    await expect(page.getByRole("main").locator("form")).toHaveCount(0);
    await expect(page.getByRole("link", { name: "Tokens", exact: true })).toHaveCount(0);
  });
});
