import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { json, start, startFakeServer } from "../testing/cli.ts";

describe("rates --stack", () => {
  let directory = "";
  let api: Awaited<ReturnType<typeof startFakeServer>>;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "rates-pulumi-"));
    api = await startFakeServer((call) => json(call, { jobs: [] }));
  });
  after(() => {
    api.close();
    rmSync(directory, { recursive: true });
  });
  /** Creates a fake pulumi command from a shell script. */
  const pulumi = (script: string) =>
    writeFileSync(join(directory, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const outputs = (more: object = {}) => {
    const keys = [
      "account",
      "region",
      "requestQueueUrl",
      "responseQueueUrl",
      "deadLetterQueueUrl",
      "resultsBucket",
      "uploadsBucket",
      "dashboard",
      "glueJob",
      "launchTemplate",
      "dispatcherFunction",
    ];
    return JSON.stringify({
      ...Object.fromEntries(keys.map((key) => [key, "x"])),
      stack: "dev",
      api: api.url,
      ...more,
    });
  };
  const rates = async (...args: string[]) => {
    const env = { PATH: `${directory}${delimiter}${process.env.PATH}`, RATES_TOKEN: "token" };
    return start(["--stack", "dev", ...args], env).ended;
  };

  it("finds the API of a stack in pulumi's outputs", async () => {
    pulumi(`[ "$*" = "stack output --json --stack dev" ] && echo '${outputs()}'`);
    const { code, stderr } = await rates("list", "--json");
    assert.equal(code, 0, stderr);
    assert.match(api.calls.at(-1) ?? "", /^GET \/jobs/);
  });

  it("reports an unknown stack, unreadable or missing outputs, a missing token, and --stack combined with --api", async () => {
    pulumi("echo 'error: no stack named dev' >&2; exit 255");
    const unknown = await rates("list");
    assert.equal(unknown.code, 4);
    assert.match(
      unknown.stderr,
      /pulumi cannot read the outputs of stack 'dev': error: no stack named dev\n.*pulumi login/,
    );
    pulumi("echo 'A new version of Pulumi is available.'");
    assert.match(
      (await rates("list")).stderr,
      /printed no JSON for the outputs of stack 'dev'\.\nRun `pulumi stack output /,
    );
    pulumi(`echo '${outputs({ api: null })}'`);
    assert.match((await rates("list")).stderr, /has no output api(?:, \w+)*\.\nDeploy it first: .*up -s dev/);
    pulumi(`echo '${outputs()}'`);
    const { ended } = start(["--stack", "dev", "list"], { PATH: `${directory}${delimiter}${process.env.PATH}` });
    assert.match((await ended).stderr, /--stack needs a token: --token, RATES_TOKEN, or `rates login --stack /);
    const both = await rates("--api", "http://127.0.0.1:1", "list");
    assert.match(both.stderr, /--stack and --api cannot be combined/);
  });

  it("reports a missing pulumi command", async () => {
    const node = join(process.execPath, "..");
    const { ended } = start(["--stack", "dev", "list"], { PATH: node, RATES_TOKEN: "token" });
    assert.match((await ended).stderr, /--stack needs the pulumi command, which was not found/);
  });
});
