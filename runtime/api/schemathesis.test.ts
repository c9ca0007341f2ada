import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { testApi } from "../testing/api/api.ts";
import { skip } from "../testing/cluster.ts";

const script = fileURLToPath(new URL("../testing/api/schemathesis.sh", import.meta.url));
const hooks = fileURLToPath(new URL("../testing/api/hooks.py", import.meta.url));
/** Fixed seed, so that every execution of the test sends the same requests. */
const SEED = "7";
const EXAMPLES = process.env.SCHEMATHESIS_EXAMPLES ?? "20";

describe("the API under schemathesis", () => {
  let program: string;
  before(function () {
    const folder = execFileSync(script, ["--path"], { encoding: "utf8" }).trim();
    if (!existsSync(join(dirname(folder), "done"))) {
      if (process.env.RATES_REQUIRE_ALL !== "1")
        skip(this, "no schemathesis (runtime/testing/api/schemathesis.sh installs it)");
      this.timeout(10 * 60_000);
      execFileSync(script, { stdio: ["ignore", "ignore", "inherit"] });
    }
    program = join(folder, "schemathesis");
  });

  it("conforms to its description: no check finds a violation", async function () {
    this.timeout(900_000);
    const p = await testApi({ api: { openRates: false, limits: { tokenPerMinute: 0, addressPerMinute: 0 } } });
    // Schemathesis stores failures in its working directory, and would start with them next time.
    const cwd = mkdtempSync(join(tmpdir(), "rates-schemathesis-"));
    try {
      const url = await p.app.listen({ host: "127.0.0.1", port: 0 });
      const { authorization } = await p.as("acme", "admin");
      const child = spawn(
        program,
        [
          ...["run", `${url}/openapi.json`, "--header", `Authorization: ${authorization}`, "--seed", SEED],
          ...["--checks", "all", "--exclude-checks", "positive_data_acceptance", "--max-examples", EXAMPLES],
          // Event streams stay open until their job ends. One worker, since two crash the parser of Python 3.11.
          ...["--exclude-operation-id", "watchJob", "--workers", "1", "--no-color"],
        ],
        {
          cwd,
          env: { ...process.env, SCHEMATHESIS_HOOKS: hooks, PYTHONDONTWRITEBYTECODE: "1" },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
      assert.equal(code, 0, `${output}\n${errors}`);
    } finally {
      rmSync(cwd, { recursive: true, force: true });
      await p.close();
    }
  });
});
