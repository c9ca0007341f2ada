import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { json, start, startFakeServer } from "../../testing/cli.ts";
import { openBrowser } from "./dashboard.ts";

const LINK = { path: "/dashboard#/sign-in/rates_l_x", expiresAt: "2030-01-01T00:00:00.000Z" };

describe("rates dashboard", () => {
  it("prints a link that signs in, and nothing else on stdout", async () => {
    const api = await startFakeServer((call) => json(call, LINK, 201));
    try {
      const { stdout, stderr, code } = await start(["dashboard"], api.env).ended;
      assert.deepEqual([stdout, code], [`${api.url}/dashboard#/sign-in/rates_l_x\n`, 0]);
      assert.match(stderr, /signs in once and expires at \d\d:\d\d UTC\./);
      assert.deepEqual(api.calls, ["POST /session-links"]);
      const asJson = await start(["dashboard", "--json"], api.env).ended;
      assert.equal(JSON.parse(asJson.stdout).link, `${api.url}/dashboard#/sign-in/rates_l_x`);
    } finally {
      api.close();
    }
  });

  it("opens the link with the system's default program, and reports a missing one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rates-open-"));
    const { PATH } = process.env;
    try {
      process.env.PATH = folder;
      await assert.rejects(openBrowser("http://x", "linux"), /No browser could be opened.*Open the link manually/s);
      const opened = join(folder, "opened");
      writeFileSync(join(folder, "xdg-open"), `#!/bin/sh\nprintf %s "$1" > '${opened}'\n`);
      chmodSync(join(folder, "xdg-open"), 0o755);
      await openBrowser("http://x/#/a b", "linux");
      const read = () => {
        try {
          return readFileSync(opened, "utf8");
        } catch {
          return "";
        }
      };
      for (let tries = 0; tries < 200 && read() === ""; tries++) await delay(25);
      assert.equal(read(), "http://x/#/a b");
    } finally {
      process.env.PATH = PATH;
      rmSync(folder, { recursive: true });
    }
  });
});
