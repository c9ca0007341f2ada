import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

  it("is small, installs without a network into an empty directory, and reaches a platform", async () => {
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
    assert.match(refused.stderr, /--stack needs the clone/);
    const { RATES_API: _, RATES_TOKEN: __, ...bare } = env;
    const nowhere = await run(join(directory, "node_modules/.bin/rates"), ["list"], {
      cwd: directory,
      env: bare,
    }).catch((error) => error);
    assert.match(nowhere.stderr, /--api and --token/);
  });
});
