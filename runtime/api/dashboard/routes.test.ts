import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import Fastify, { type FastifyInstance } from "fastify";
import { handleErrors } from "../problem.ts";
import { readSite, versionOf } from "./files.ts";
import { dashboardRoutes } from "./routes.ts";

describe("the files of the dashboard", () => {
  let app: FastifyInstance;
  before(() => {
    app = Fastify();
    handleErrors(app);
    app.register(dashboardRoutes);
  });
  after(() => app.close());

  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });
  const page = async () => (await get("/dashboard")).body;
  /** Returns the paths that the page links to. */
  const linkedPaths = async () => [...(await page()).matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => `/${path}`);
  /** Returns the entries of the import map. */
  const libraries = async (): Promise<Record<string, string>> =>
    JSON.parse(/<script type="importmap">(.*?)<\/script>/.exec(await page())?.[1] ?? "").imports;

  it("are served with their types; the page is revalidated, and its files are cached permanently", async () => {
    const paths = await linkedPaths();
    assert.ok(paths.length > 30);
    for (const path of ["/dashboard", ...paths]) {
      const { statusCode, headers } = await get(path);
      assert.equal(statusCode, 200, path);
      const type = { ".js": "text/javascript", mjs: "text/javascript", css: "text/css", svg: "image/svg" };
      const expected = Object.entries(type).find(([end]) => path.endsWith(end))?.[1] ?? "text/html";
      assert.ok(String(headers["content-type"]).startsWith(expected), path);
      const caching = path === "/dashboard" ? "no-cache" : "public, max-age=31536000, immutable";
      assert.equal(headers["cache-control"], caching, path);
      assert.equal(headers["x-content-type-options"], "nosniff");
      const again = await get(path, { "if-none-match": String(headers.etag) });
      assert.deepEqual([again.statusCode, again.body], [304, ""], path);
    }
  });

  it("are current and revalidated for a page of another version during a deployment", async () => {
    const [path = ""] = (await linkedPaths()).filter((file) => file.endsWith("/main.js"));
    const foreign = await get(path.replace(/\/dashboard\/[^/]+/, "/dashboard/aaaaaaaaaaaaaaaa"));
    assert.deepEqual([foreign.statusCode, foreign.headers["cache-control"]], [200, "no-cache"]);
    assert.equal(foreign.body, (await get(path)).body);
  });

  it("are under one version computed from all of them, including libraries and icon", async () => {
    const paths = (await linkedPaths()).concat(Object.values(await libraries()).map((path) => path.replace(".", "")));
    const versions = new Set(paths.map((path) => /^\/dashboard\/([\w-]{16})\//.exec(path)?.[1]));
    const { files, version } = readSite();
    assert.deepEqual([...versions], [version]);
    assert.equal(versionOf(files), version);
    const [[path, file] = assert.fail()] = files;
    assert.notEqual(versionOf(new Map([...files, [path, { ...file, etag: "other" }]])), version);
  });

  it("import only files and names of the import map", async () => {
    const names = await libraries();
    for (const path of Object.values(names)) assert.equal((await get(`/${path.replace("./", "")}`)).statusCode, 200);
    const modules = (await linkedPaths()).filter((path) => /\.m?js$/.test(path));
    let imports = 0;
    for (const path of modules) {
      const { body } = await get(path);
      for (const [, from = ""] of body.matchAll(/^import [^;]*?from "([^"]+)";$/gm)) {
        imports += 1;
        if (Object.hasOwn(names, from)) continue;
        const { pathname } = new URL(from, `http://x${path}`);
        assert.equal((await get(pathname)).statusCode, 200, `${path} imports ${from}`);
      }
    }
    assert.ok(imports > 60);
  });

  it("have a policy that allows one inline script, by its hash, and no other hosts", async () => {
    const policy = String((await get("/dashboard")).headers["content-security-policy"]);
    const [, map = ""] = /<script type="importmap">(.*?)<\/script>/.exec(await page()) ?? [];
    const hash = createHash("sha256").update(map).digest("base64");
    assert.ok(policy.includes(`script-src 'self' 'sha256-${hash}';`), policy);
    assert.match(policy, /default-src 'none'.*style-src 'self'.*connect-src 'self'.*frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/);
    assert.equal((await page()).match(/<script/g)?.length, 3);
    assert.doesNotMatch(await page(), /https?:\/\/| style=| on\w+=/);
  });

  it("are compressed if the browser accepts it", async () => {
    const [path = ""] = (await linkedPaths()).filter((file) => file.endsWith("/main.js"));
    const plain = await get(path);
    const packed = await get(path, { "accept-encoding": "br, gzip" });
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.equal(gunzipSync(packed.rawPayload).toString(), plain.body);
    assert.match(String(plain.headers.vary), /accept-encoding/);
  });

  it("exclude other files, also those reached by path traversal", async () => {
    for (const path of [
      "types.ts",
      "tsconfig.json",
      "format.test.ts",
      "index.html",
      "../routes.ts",
      "..%2froutes.ts",
    ]) {
      const [version] = /dashboard\/[\w-]{16}\//.exec(await page()) ?? [];
      for (const base of ["dashboard/", version])
        assert.equal((await get(`/${base}${path}`)).statusCode, 404, base + path);
    }
    assert.equal((await get("/dashboard/")).headers.location, ".");
  });
});
