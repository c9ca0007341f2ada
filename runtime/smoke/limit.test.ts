import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { credentialsFile, Principals } from "../local/aws/principals.ts";
import { withTimeout } from "./limit.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

describe("the time limit of a smoke run's checks", () => {
  it("fails a check without a result, and does not affect a check that finishes in time", async () => {
    assert.equal(await withTimeout(60, async () => "seen"), "seen");
    await assert.rejects(
      withTimeout(60, async () => {
        throw new Error("does not hold");
      }),
      /does not hold/,
    );
    await assert.rejects(
      withTimeout(0.01, () => new Promise(() => undefined)),
      /no result after 0\.01 s/,
    );
  });

  it("is in the usage text, which --help and an unknown option print", async () => {
    for (const [option, code] of [
      ["--help", 0],
      ["--limits", 2],
    ] as const) {
      const child = spawn(process.execPath, [MAIN, option]);
      const [out, err, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
      assert.equal(exit, code);
      assert.match(out + err, /Usage: npm run smoke[\s\S]*--limit SECONDS/);
      assert.doesNotMatch(err, /node:internal/);
    }
  });

  it("is not reached without a local platform: the run exits with 4 and says how to start one", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rates-smoke-none-"));
    try {
      const child = spawn(process.execPath, [MAIN, "--data-dir", directory]);
      const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
      assert.equal(code, 4);
      assert.match(stderr, /^No platform runs with the data directory .*\n`npm start` starts one/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("fails a smoke run on a platform that accepts connections and never responds", async function () {
    this.timeout(60_000);
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(server, "listening");
    const silent = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const directory = mkdtempSync(join(tmpdir(), "rates-smoke-silent-"));
    try {
      const queue = `${silent}/000000000000/queue`;
      const platform = {
        ...{ api: silent, token: "none", sqsEndpoint: silent, region: "eu-central-1" },
        ...{ requestQueueUrl: queue, responseQueueUrl: queue, deadLetterQueueUrl: queue },
      };
      writeFileSync(join(directory, "platform.json"), JSON.stringify(platform));
      new Principals(credentialsFile(directory));
      const child = spawn(process.execPath, [MAIN, "--data-dir", directory, "--limit", "1"]);
      const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
      assert.equal(code, 1);
      assert.match(stdout, /failed {3}the platform responds and has prices\n +no result after 1 s/);
    } finally {
      server.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
