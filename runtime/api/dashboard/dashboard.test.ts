import assert from "node:assert/strict";
import type { Page } from "playwright";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { expect } from "../../testing/dashboard/expect.ts";
import { dashboardSuite, heading, jobAt, READ } from "../../testing/dashboard/fixture.ts";
import { createManyJobs } from "../../testing/dashboard/manyJobs.ts";
import { oneOfEach } from "../../testing/dashboard/oneOfEach.ts";

describe("the dashboard in a browser", function () {
  this.timeout(60_000);
  this.slow(10_000);
  const suite = dashboardSuite({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } }, async ({ p, submit }) => {
    await createManyJobs(p.admin, 60);
    await oneOfEach(p, submit);
  });
  const open = (hash?: string) => suite.p.open(suite.token, hash);
  const bottleneck = (page: Page) => page.locator(".verdict p").getByText(/The one Glue run is busy/);

  it("exchanges a token for a session, reports an invalid token, and keeps secrets from scripts", async () => {
    const { p, token } = suite;
    const page = await p.open(undefined);
    await page.getByLabel("Token").fill("rates_wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("is unknown").waitFor();
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await heading(page, "Overview");
    await page.reload();
    await heading(page, "Overview");
    await expect(page).not.toHaveURL(new RegExp(token));
    assert.ok(!(await page.content()).includes(token));
    const seen = await page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)");
    assert.doesNotMatch(String(seen), /rates_/);
    // Other tabs are signed in and out together with this one.
    const tab = await page.context().newPage();
    await tab.goto(`${p.origin}/dashboard${jobAt("good")}`);
    await heading(tab, "Timeline");
    await page.getByRole("button", { name: "Sign out" }).click();
    for (const signedOut of [page, tab]) await signedOut.getByLabel("Token").waitFor();
    await expect.poll(() => page.evaluate("sessionStorage.length + localStorage.length")).toBe(0);
    await expect.poll(() => page.context().cookies()).toEqual([]);
  });

  it("reports that a session has ended, with or without its cookie in the browser", async () => {
    for (const isDropped of [true, false]) {
      const page = await open("#/jobs");
      await page.getByRole("link", { name: "good", exact: true }).waitFor();
      if (isDropped) await page.context().clearCookies();
      else await suite.p.admin.query("delete from jobs.tokens where kind = 'session'");
      const alert = page.getByRole("alert");
      await alert.getByText("The session has expired or was ended. Sign in again.").waitFor();
      await expect(page.getByLabel("Token")).toHaveAttribute("aria-invalid", "false");
    }
  });

  it("can sign out after a reload if signing out has failed", async () => {
    const page = await suite.p.open(undefined);
    await page.getByLabel("Token").waitFor();
    await suite.p.signIn(page, suite.token);
    await page.reload();
    await heading(page, "Overview");
    await page.route("**/session", (route) =>
      route.request().method() === "DELETE" ? route.fulfill({ status: 503, body: "{}" }) : route.continue(),
    );
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("alert").getByText("Signing out failed: the session is still open.").waitFor();
    await page.unroute("**/session");
    await page.reload();
    await heading(page, "Overview");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    await expect.poll(() => page.context().cookies()).toEqual([]);
  });

  it("reports an unknown address", async () => {
    const page = await open("#/nothing/like/it");
    await page.getByRole("heading", { name: "Not found", level: 1 }).waitFor();
    await expect(page).toHaveTitle("Not found · Rates platform");
    await page.getByRole("main").getByRole("link", { name: "Overview" }).click();
    await heading(page, "Overview");
  });

  it("signs in with a link once, and removes its code from the address and the history", async () => {
    const { p, token } = suite;
    const headers = { authorization: `Bearer ${token}` };
    const link = await p.app.inject({ method: "POST", url: "/session-links", headers });
    const path = (link.json().path as string).replace("/dashboard", "");
    const page = await p.open(undefined, path);
    await heading(page, "Overview");
    await page.locator("header").getByText("default").waitFor();
    await expect(page).toHaveURL(/dashboard#\/$/);
    await expect.poll(() => page.evaluate("history.length")).toBe(2);
    await page.goto(`${p.origin}/dashboard#/query`);
    await heading(page, "Query");
    const again = await p.open(undefined, path);
    await again.getByRole("alert").getByText("was already used").waitFor();
    await again.getByLabel("Token").waitFor();
  });

  it("names the bottleneck, and shows running, waiting, failed and slow jobs", async () => {
    const page = await open();
    await page
      .getByRole("status")
      .getByText(/The one Glue run is busy; 1 job waits/)
      .waitFor();
    const glue = page.getByRole("meter", { name: "Glue runs" });
    for (const name of ["aria-valuenow", "aria-valuemax"]) await expect(glue).toHaveAttribute(name, "1");
    const now = page.getByRole("region", { name: "Running now" }).getByRole("listitem");
    await expect(now).toHaveText([/^Running/, /^Waiting/]);
    const failing = page.getByRole("region", { name: "Failing now" });
    await failing.getByRole("link", { name: "InvalidSql" }).waitFor();
    await failing.getByRole("link", { name: "bad", exact: true }).waitFor();
    await page.getByRole("region", { name: "Slowest work" }).getByText("price_export").waitFor();
    await expect(page.getByRole("img", { name: /steps; at/ })).toHaveCount(3);
  });

  it("shows the 95th percentile first in its tiles, and counts waiting, running and failed jobs", async () => {
    const { p } = suite;
    await p.admin.query(
      "insert into jobs.runs (runner, slot, version, state, start_deadline) values ('ec2', 1, 'warm', 'RUNNING', jobs.clock())",
    );
    await p.admin.query("update jobs.runners set paused_until = jobs.clock() + interval '1 hour' where runner = 'ec2'");
    const page = await open();
    const tile = (name: string) => page.locator(".tile", { hasText: name });
    const capacity = page.getByRole("region", { name: "Capacity" });
    await capacity.getByText("0 busy, 1 starting or warm · none waiting · paused after a refused launch").waitFor();
    await expect(capacity.locator(".meter .faint")).toHaveCount(1);
    // Every twentieth of the 60 inserted jobs failed; the suite created the other jobs.
    await expect(tile("Failed")).toHaveText("Failed6 %4 of 62");
    await expect(tile("Waiting")).toHaveText(/^Waiting1oldest: /);
    await expect(tile("Running")).toHaveText(/^Running1of 2 at once/);
    await expect(tile("Run time")).toHaveText(/^Run time[\d.]+\s\w+\sp95p50\s[\d.]+\s\w+\s·\sp99\s/);
    await p.admin.query("update jobs.runners set paused_until = 'infinity' where runner = 'ec2'");
    await capacity.getByText("none waiting · closed").waitFor();
    await p.admin.query("update jobs.runners set paused_until = null");
    await p.admin.query("delete from jobs.runs where version = 'warm'");
  });

  it("shows metrics of other ranges, keeps the range in its address, and offers a chart's data as a table", async () => {
    const page = await open();
    await page.getByRole("radio", { name: "24 h" }).check();
    await page.getByRole("heading", { name: "Jobs every 30 min" }).waitFor();
    await expect(page).toHaveURL(/#\/\?over=24h$/);
    const jobs = page.getByRole("region", { name: "Jobs every 30 min" });
    await jobs.getByText("Data as a table").click();
    await expect(jobs.getByRole("row")).toHaveCount(1 + 48);
    await expect(jobs.getByRole("columnheader")).toHaveText(["Time", "succeeded", "failed", "cancelled", "accepted"]);
    await page.getByRole("radio", { name: "Custom" }).check();
    await page.getByRole("textbox", { name: "From" }).fill("2026-01-02T10:00");
    await page.getByRole("textbox", { name: "To" }).fill("2026-01-02T09:00");
    await page.getByText("To must be after from.").waitFor();
    await expect(page.getByRole("button", { name: "Show" })).toBeDisabled();
    await page.getByRole("textbox", { name: "To" }).fill("2026-01-02T12:00");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/from=2026-01-02T1/);
    // Charts of a period without jobs say so.
    await page.getByRole("region", { name: "Run time" }).getByText("No data").waitFor();
    await page.reload();
    await page.getByRole("region", { name: "Run time" }).getByText("No data").waitFor();
    await expect(page.getByRole("textbox", { name: "From" })).toHaveValue("2026-01-02T10:00");
  });

  it("links errors and slow work to their jobs", async () => {
    const page = await open();
    await page.getByRole("link", { name: "InvalidRows" }).click();
    await expect(page).toHaveURL(/#\/jobs\?text=InvalidRows&status=FAILED$/);
    await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
    await page.getByRole("link", { name: "bad", exact: true }).waitFor();
    await page.getByRole("link", { name: "many-1", exact: true }).waitFor({ state: "detached" });
    await page.goBack();
    await page.getByRole("region", { name: "Slowest work" }).getByRole("link", { name: "price_export" }).click();
    await page.waitForURL(/text=price_export/);
    await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
    await expect(page.getByRole("searchbox")).toHaveValue("price_export");
  });

  it("announces the state to screen readers, and does not repeat it when the waiting time changes", async () => {
    // The advice changes after a minute; the time shown changes every second until it is two minutes.
    await suite.p.admin.query(
      "update jobs.jobs set created_at = jobs.clock() - interval '65 s' where request_id = 'waiting'",
    );
    const page = await open();
    const announcement = page.locator(".verdict + [role=status]");
    await bottleneck(page).waitFor();
    await expect(announcement).toHaveText(/The one Glue run is busy/);
    const sentence = page.locator(".verdict p");
    // biome-ignore lint/plugin: the later texts are compared with these
    const [before, shown] = [String(await announcement.textContent()), String(await sentence.textContent())];
    await expect(sentence).not.toHaveText(shown);
    await expect(announcement).toHaveText(before);
  });

  it("dims its data while the API does not respond, shows the time of the last response, and recovers", async () => {
    const { p } = suite;
    const page = await open();
    await page.getByRole("link", { name: "bad", exact: true }).waitFor();
    await bottleneck(page).waitFor();
    await page.context().setOffline(true);
    const alert = page.getByRole("alert");
    await alert.getByText(/^No contact since \d\d:\d\d:\d\d$/).waitFor();
    await alert.getByText("The API cannot be reached. Retrying automatically.", { exact: true }).waitFor();
    // One notice is enough, since metrics and lists come from the same API. The earlier state is no longer shown.
    await expect(alert).toHaveCount(1);
    await expect(bottleneck(page)).toHaveCount(0);
    await expect(page.locator(".live.stale .tiles")).toHaveCount(1);
    await expect(page.getByRole("link", { name: "bad", exact: true })).toHaveCount(1);
    await page.context().setOffline(false);
    await alert.waitFor({ state: "detached" });
    await bottleneck(page).waitFor();
    p.errors.splice(0); // the browser's own network errors
  });

  it("has a skip link, and focuses the heading of each new page", async () => {
    const page = await open();
    await page.getByRole("link", { name: "bad", exact: true }).waitFor();
    await page.keyboard.press("Tab");
    await expect(page.locator(":focus")).toHaveText("Skip to content");
    await page.keyboard.press("Enter");
    await expect(page.locator(":focus")).toHaveAttribute("id", "content");
    await page.getByRole("link", { name: "bad", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.locator("h1:focus").getByText("bad").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("many 17");
    await page.keyboard.press("Enter");
    await page.locator("h1:focus").getByText("Jobs").waitFor();
    await page.getByRole("link", { name: "many-17" }).waitFor();
  });

  it("offers only actions that the token's scopes allow", async () => {
    const page = await suite.p.open(await suite.p.token("read"), jobAt("bad"));
    await heading(page, "InvalidRows");
    await page.locator("header").getByText("default").waitFor();
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Jobs" }).waitFor();
    for (const name of ["Retry", "Cancel job"]) await expect(page.getByRole("button", { name })).toHaveCount(0);
    for (const name of ["Query", "Load", "Dead letters", "Edit and resubmit"])
      await expect(page.getByRole("link", { name, exact: true })).toHaveCount(0);
    for (const [hash, name, scope] of [
      ["#/query", "Query", "submit"],
      ["#/load", "Load", "submit"],
      ["#/dead-letters", "Dead letters", "admin"],
    ] as const) {
      await page.goto(`${suite.p.origin}/dashboard${hash}`);
      await page.getByRole("heading", { name, level: 1 }).waitFor();
      await page.getByRole("alert").getByText(`lacks the scope '${scope}'`).waitFor();
      await expect(page.getByRole("main").locator("form")).toHaveCount(0);
    }
    const withoutRead = await suite.p.open(await suite.p.token("submit", "update"), "#/query");
    for (const name of ["Query", "Load"]) {
      await withoutRead.goto(`${suite.p.origin}/dashboard#/${name.toLowerCase()}`);
      await withoutRead.getByRole("heading", { name, level: 1 }).waitFor();
      await withoutRead.getByRole("alert").getByText("lacks the scope 'read'").waitFor();
      await expect(withoutRead.getByRole("main").locator("form")).toHaveCount(0);
      await expect(withoutRead.getByRole("link", { name, exact: true })).toHaveCount(0);
    }
  });

  it("offers a retry of an update only with the scopes submit and update", async () => {
    const { p } = suite;
    const source = { inline: [{ orig_code: "X", dest_code: "Y", day: "2021-01-01", price: 1 }] };
    await suite.submit("unwanted-load", { task: { type: "update", target: "prices", source } });
    const headers = { authorization: `Bearer ${suite.token}` };
    await p.app.inject({ method: "POST", url: "/jobs/unwanted-load/cancel", headers });
    for (const [scopes, buttons] of [
      [["read", "submit"], 0],
      [["read", "submit", "update"], 1],
    ] as const) {
      const page = await p.open(await p.token(...scopes), jobAt("unwanted-load"));
      await heading(page, "Timeline");
      await page.locator("header").getByText("default").waitFor();
      await expect(page.getByRole("button", { name: "Retry" })).toHaveCount(buttons);
    }
  });

  it("lets a colleague sign in with their own token and see only their tenant's jobs", async () => {
    const { p } = suite;
    const { authorization } = await p.as("acme", "read", "submit");
    const payload = { requestId: "acme-1", task: READ };
    assert.equal(
      (await p.app.inject({ method: "POST", url: "/jobs", headers: { authorization }, payload })).statusCode,
      202,
    );
    await syncTracking(p.context);
    const page = await p.open(undefined);
    await page.getByLabel("Token").fill(authorization.slice("Bearer ".length));
    await page.keyboard.press("Enter");
    await page.locator("header").getByText("acme", { exact: true }).waitFor();
    const now = page.getByRole("region", { name: "Running now" });
    await now.getByRole("link", { name: "acme-1" }).waitFor();
    await expect(now.getByRole("listitem")).toHaveCount(1);
    // Hidden, since the state of the platform includes other tenants' jobs.
    await expect(page.getByRole("region", { name: "Capacity" })).toHaveCount(0);
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Jobs" }).click();
    await page.getByRole("rowheader").getByRole("link", { name: "acme-1", exact: true }).waitFor();
    await expect(page.getByRole("rowheader")).toHaveCount(1);
    await page.goto(`${p.origin}/dashboard${jobAt("good")}`);
    await page.getByRole("alert").getByText("admin").waitFor();
    await expect(page.getByRole("heading", { name: "Timeline" })).toHaveCount(0);
  });
});
