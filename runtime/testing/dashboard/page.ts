import type { AddressInfo } from "node:net";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContextOptions, Page } from "playwright";
import { testApi } from "../api/api.ts";

/** Script that marks the browser as signed in, as the page does after a sign-in. */
const SIGNED_IN = `localStorage.setItem("rates-signed-in", "1")`;

/** Starts an API, and opens its pages in a browser. */
export async function dashboardFor(browser: Browser, settings: Record<string, object> = {}) {
  const p = await testApi(settings);
  await p.app.listen({ host: "127.0.0.1", port: 0 });
  const origin = `http://127.0.0.1:${(p.app.server.address() as AddressInfo).port}`;
  /** Errors of all pages, and violations of their content security policy. */
  const errors: string[] = [];

  /** Exchanges a token for the cookie of a session. */
  const cookieFor = async (token: string) => {
    const headers = { "sec-fetch-site": "same-origin" };
    const response = await p.app.inject({ method: "POST", url: "/session", headers, payload: { token } });
    const [name = "", value = ""] = String(response.headers["set-cookie"]).split(";", 1)[0]?.split("=") ?? [];
    return { name, value, url: origin, httpOnly: true, sameSite: "Strict" } as const;
  };

  return {
    ...p,
    origin,
    /** Signs in on a page that shows the sign-in form; takes effect when the page is loaded again. */
    async signIn(page: Page, token: string): Promise<void> {
      await page.context().addCookies([await cookieFor(token)]);
      await page.evaluate(SIGNED_IN);
    },
    errors,
    /** Opens the dashboard at a fragment of its URL, signed in if a token is given. */
    async open(token: string | undefined, hash = "#/", options: BrowserContextOptions = {}): Promise<Page> {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(20_000);
      // A busy machine may need longer to load a page than to change it.
      context.setDefaultNavigationTimeout(60_000);
      const page = await context.newPage();
      if (token !== undefined) {
        await context.addCookies([await cookieFor(token)]);
        await context.addInitScript(SIGNED_IN);
      }
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error" && !/status of (4|5)\d\d/.test(message.text())) errors.push(message.text());
      });
      await page.goto(`${origin}/dashboard${hash}`);
      return page;
    },
    async token(...scopes: Parameters<typeof p.as>[1][]) {
      return (await p.as("default", ...scopes)).authorization.slice("Bearer ".length);
    },
  };
}

/** Returns the accessibility violations that axe finds in a page, as text; `rules` limits it to these rules. */
export async function accessibilityViolations(page: Page, rules?: string[]): Promise<string[]> {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}

/** Returns the number of pixels by which a page is wider than its window. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

/**
 * Returns elements that reach into the right padding of their panel, and links whose text is squeezed into a narrow
 * column. Scrolling contents, and lists of links with their own padding, are left out.
 */
export const misplacedIn = (page: Page): Promise<string[]> =>
  page.evaluate(`(() => {
    const describe = (element) => element.tagName.toLowerCase() + "." + element.className + ": " + element.textContent.trim().slice(0, 40);
    const shown = (element) => element.getClientRects().length > 0 && !element.closest(".scroll, pre, .hidden, .plot, .choose, [hidden]");
    const endOf = (panel) => panel.getBoundingClientRect().right - parseFloat(getComputedStyle(panel).paddingRight) - 1;
    const leaving = [...document.querySelectorAll(".panel *")].filter(
      (element) => shown(element) && element.parentElement.closest(".panel") && element.getBoundingClientRect().right > endOf(element.parentElement.closest(".panel")) + 2,
    );
    const squeezed = [...document.querySelectorAll("main a")].filter(
      (element) => shown(element) && element.textContent.trim().length > 5 && element.getBoundingClientRect().width < 24,
    );
    return [...leaving, ...squeezed].map(describe);
  })()`);
