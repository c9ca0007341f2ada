import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "./testing.ts";

const PLATFORM = {
  api: "http://127.0.0.1:3000",
  token: "it's a token $HOME",
  sqsEndpoint: "http://127.0.0.1:1",
  s3Endpoint: "http://127.0.0.1:2",
  region: "eu-central-1",
  requestQueueUrl: "http://127.0.0.1:1/0/requests",
  responseQueueUrl: "http://127.0.0.1:1/0/responses",
  resultsBucket: "results",
  uploadsBucket: "uploads",
};

describe("rates env", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-env-"));
    writeFileSync(join(directory, "platform.json"), JSON.stringify(PLATFORM));
  });
  after(() => rmSync(directory, { recursive: true }));

  it("gives a shell what it takes to reach the platform, whatever characters are in it", async () => {
    const { stdout, stderr, code } = await start(["env"], { RATES_DATA_DIR: directory }).ended;
    assert.equal(code, 0, stderr);
    const script = `${stdout}\nprintf '%s|' "$RATES_TOKEN" "$REQUEST_QUEUE_URL" "$AWS_ENDPOINT_URL_SQS" "$AWS_REGION"`;
    assert.equal(
      execFileSync("sh", ["-c", script], { env: { HOME: "/elsewhere" }, encoding: "utf8" }),
      "it's a token $HOME|http://127.0.0.1:1/0/requests|http://127.0.0.1:1|eu-central-1|",
    );
  });

  it("gives programs the same as JSON", async () => {
    const { stdout } = await start(["env", "--json"], { RATES_DATA_DIR: directory }).ended;
    const { RESULTS_BUCKET, RATES_TOKEN } = JSON.parse(stdout);
    assert.deepEqual({ RESULTS_BUCKET, RATES_TOKEN }, { RESULTS_BUCKET: "results", RATES_TOKEN: PLATFORM.token });
  });

  it("says how to start a platform where there is none", async () => {
    const { stderr, code } = await start(["env"], { RATES_DATA_DIR: join(directory, "nothing") }).ended;
    assert.equal(code, 4);
    assert.match(stderr, /No platform runs on .*nothing[\s\S]*npm start/);
  });
});
