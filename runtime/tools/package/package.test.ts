import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { testApi } from "../../testing/api/api.ts";
import { packCommandLine } from "./build.ts";

const run = promisify(execFile);

describe("the command line as a package", function () {
  this.timeout(180_000);
  let directory: string;
  let p: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "rates-install-"));
    p = await testApi();
  });
  after(async () => {
    await p.close();
    await rm(directory, { recursive: true });
  });

  /** Calls of some built-ins that Node 20 lacks. A line that first checks for the built-in may call it. */
  const NEWER_BUILT_INS =
    /(?<!["'.\w])(?:URL\.parse|Object\.groupBy|Map\.groupBy|Promise\.(?:try|withResolvers)|Array\.fromAsync|Iterator\.from|RegExp\.escape)\(/;

  it("calls none of the listed built-ins that the oldest Node in its manifest lacks, except after a check", async () => {
    const tarball = await packCommandLine(directory);
    await run("tar", ["xzf", tarball], { cwd: directory });
    const { engines } = JSON.parse(await readFile(join(directory, "package/package.json"), "utf8"));
    assert.equal(engines.node, ">=20.18");
    const names = (await readdir(join(directory, "package/lib"))).filter((name) => name.endsWith(".js"));
    assert.ok(names.length > 5);
    for (const name of names) {
      const lines = (await readFile(join(directory, "package/lib", name), "utf8")).split("\n");
      const unchecked = lines.filter((line) => NEWER_BUILT_INS.test(line) && !/\? \(/.test(line));
      assert.deepEqual(unchecked, [], name);
    }
  });

  it("is packed by a script that prints its usage and does not mistake an option for a directory", async () => {
    const main = fileURLToPath(new URL("main.ts", import.meta.url));
    const { stdout } = await run(process.execPath, [main, "--help"], { cwd: directory });
    assert.match(stdout, /^npm run pack-cli/);
    const refused = await run(process.execPath, [main, "--out"], { cwd: directory }).catch((error) => error);
    assert.deepEqual([refused.code, /no option --out/.test(refused.stderr)], [2, true]);
    assert.ok(!(await readdir(directory)).some((name) => name.startsWith("--")));
  });

  it("is small, installs without a network, and reaches a platform", async () => {
    const tarball = await packCommandLine(directory);
    assert((await stat(tarball)).size < 2_000_000);
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], { cwd: directory });
    const api = await p.app.listen({ host: "127.0.0.1", port: 0 });
    const { authorization } = await p.as("acme");
    const env = {
      PATH: process.env.PATH,
      HOME: directory,
      RATES_API: api,
      RATES_TOKEN: authorization.slice("Bearer ".length),
    };
    const rates = (...args: string[]) => run(join(directory, "node_modules/.bin/rates"), args, { cwd: directory, env });
    assert.match((await rates("--version")).stdout, /^rates \d+\.\d+\.\d+\n$/);
    assert.match((await rates("--help")).stdout, /Usage: rates/);
    assert.match((await rates("queries")).stdout, /average_rates \(query\)/);
    const { stdout } = await rates("submit", "--query", "price_export", "--id", "packed", "--json");
    assert.deepEqual(JSON.parse(stdout), { requestId: "packed", tenant: "acme", status: "PENDING" });
    assert.match((await rates("show", "packed", "--json", "id,state")).stdout, /"state": "PENDING"/);
    const refused = await rates("list", "--stack", "dev").catch((error) => error);
    assert.match(refused.stderr, /--stack needs a clone.*To call the API, use --api URL with --token/);
    const planned = await rates("capacity").catch((error) => error);
    assert.deepEqual([planned.code, planned.stderr.split("\n").length], [2, 2]);
    assert.match(planned.stderr, /^rates capacity needs a clone .* installed package\.$/m);
    const { RATES_API: _, RATES_TOKEN: __, ...bare } = env;
    const nowhere = await run(join(directory, "node_modules/.bin/rates"), ["list"], {
      cwd: directory,
      env: bare,
    }).catch((error) => error);
    assert.match(nowhere.stderr, /--api and --token/);
  });
});
