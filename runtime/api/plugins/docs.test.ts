import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import type { Browser } from "playwright";
import { testApi } from "../../testing/api/api.ts";
import { startChromium } from "../../testing/dashboard/chromium.ts";
import { expect } from "../../testing/dashboard/expect.ts";

describe("GET /docs", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    p = await testApi();
  });
  after(() => p.close());

  it("shows the API's own description, and loads nothing from other hosts", async () => {
    const page = await p.app.inject({ url: "/docs/" });
    assert.equal(page.statusCode, 200);
    assert.match(page.body, /swagger-ui/);
    const policy = String(page.headers["content-security-policy"]);
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /https?:|upgrade|validator/);
    const description = (await p.app.inject({ url: "/docs/json" })).json();
    assert.ok(description.paths["/jobs"].post && description.paths["/rates"].get);
  });

  it("returns 404 for missing files, and for paths outside its folder", async () => {
    const { port } = new URL(await p.app.listen({ host: "127.0.0.1", port: 0 }));
    for (const path of ["none.js", "%2e%2e%2fpackage.json", "../../package.json"]) {
      // Sent unchanged, since fetch would normalize the path.
      const [response] = (await once(get({ port, path: `/docs/static/${path}` }), "response")) as [IncomingMessage];
      const problem = (await json(response)) as { type: string; detail: string };
      assert.deepEqual(
        [response.statusCode, problem.type, problem.detail],
        [404, "NotFound", `GET /docs/static/${path} does not exist.`],
      );
    }
  });
});

describe("GET /docs in a browser", function () {
  this.timeout(60_000);
  this.slow(10_000);
  /** Host of a private network without a certificate. */
  const HOST = "rates.internal";
  let browser: Browser | undefined;
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async function () {
    browser = await startChromium(this, [`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
    p = await testApi();
  });
  after(async () => {
    await browser?.close();
    await p?.close();
  });

  it("shows every operation, also behind a load balancer without https", async () => {
    const { port } = new URL(await p.app.listen({ host: "127.0.0.1", port: 0 }));
    const page = await browser?.newPage();
    assert(page);
    const failed: string[] = [];
    page.on("console", (message) => message.type() === "error" && failed.push(message.text()));
    page.on("requestfailed", (request) => failed.push(request.url()));
    await page.goto(`http://${HOST}:${port}/docs`);
    await page.getByText("/jobs/{id}/timeline").waitFor();
    const { paths } = (await p.app.inject("/openapi.json")).json();
    const operations = Object.values(paths as Record<string, object>).flatMap((methods) => Object.keys(methods));
    await expect(page.locator(".opblock")).toHaveCount(operations.length);
    assert.deepEqual(failed, []);
    await expect(page).toHaveTitle(/Rates platform/);
    // The platform's own logo leads to the dashboard; other descriptions cannot be loaded.
    await expect(page.getByRole("link", { name: "Dashboard" })).toHaveAttribute("href", "/dashboard");
    await expect(page.locator(".topbar a.link img")).toHaveAttribute("src", /^data:image\/svg\+xml;base64,PHN2Zy/);
    await expect(page.getByRole("button", { name: "Explore" })).toBeHidden();
  });
});
