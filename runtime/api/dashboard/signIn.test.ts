import assert from "node:assert/strict";
import type { Browser } from "playwright";
import { startProvider } from "../../testing/api/oidcProvider.ts";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { expect } from "../../testing/dashboard/expect.ts";
import { accessibilityViolations, dashboardFor, overflowOf } from "../../testing/dashboard/page.ts";

describe("signing in to the dashboard at an identity provider", function () {
  this.timeout(60_000);
  this.slow(10_000);
  let browser: Browser | undefined;
  let provider: Awaited<ReturnType<typeof startProvider>>;
  let p: Awaited<ReturnType<typeof dashboardFor>>;
  before(async function () {
    browser = await startChromium(this);
    provider = await startProvider();
    p = await dashboardFor(browser, { api: { signIn: { platform: "t", oidc: provider.settings } } });
  });
  after(async () => {
    await browser?.close();
    await p?.close();
    provider?.close();
  });

  /** Opens a page, signs in at the provider, and gives consent. */
  const signIn = async (login: string, hash: string) => {
    const page = await p.open(undefined, hash, { viewport: { width: 360, height: 740 } });
    const link = page.getByRole("link", { name: "Sign in with Acme login" });
    await link.waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    assert.ok((await overflowOf(page)) <= 0);
    await link.click();
    await page.locator("input[name=login]").fill(login);
    await page.locator("input[name=password]").fill("x");
    await page.locator("button[type=submit]").click();
    await page.locator("form:has(input[value=consent]) button[type=submit]").click();
    return page;
  };

  it("returns a user to the requested page, and shows only their tenant", async () => {
    const page = await signIn("bob", "#/audit");
    await page.getByRole("heading", { name: "Audit" }).waitFor();
    await page.locator("header").getByText("acme", { exact: true }).waitFor();
    await page.getByRole("cell", { name: "bob@acme.example" }).first().waitFor();
    await expect(page.getByRole("link", { name: "Dead letters" })).toHaveCount(0);
    await expect(page).toHaveURL(/dashboard#\/audit$/);
  });

  it("reports that the signed-in user has no access", async () => {
    const page = await signIn("eve", "#/");
    await page.getByRole("alert").getByText("have no access to this platform").waitFor();
    await page.getByLabel("Token").waitFor();
  });
});
