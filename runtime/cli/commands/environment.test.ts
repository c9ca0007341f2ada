import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentialsFile, Principals } from "../../local/aws/principals.ts";
import { start } from "../../testing/cli.ts";

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
  let principals: Principals;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-env-"));
    writeFileSync(join(directory, "platform.json"), JSON.stringify(PLATFORM));
    principals = new Principals(credentialsFile(directory));
  });
  after(() => rmSync(directory, { recursive: true }));

  it("prints variables that a shell can evaluate, whatever characters they contain", async () => {
    const { stdout, stderr, code } = await start(["env"], { RATES_DATA_DIR: directory }).ended;
    assert.equal(code, 0, stderr);
    const script = `${stdout}\nprintf '%s|' "$RATES_TOKEN" "$REQUEST_QUEUE_URL" "$AWS_ENDPOINT_URL_SQS" "$AWS_REGION"`;
    assert.equal(
      execFileSync("sh", ["-c", script], { env: { HOME: "/elsewhere" }, encoding: "utf8" }),
      "it's a token $HOME|http://127.0.0.1:1/0/requests|http://127.0.0.1:1|eu-central-1|",
    );
  });

  it("prints the variables as JSON", async () => {
    const { stdout } = await start(["env", "--json"], { RATES_DATA_DIR: directory }).ended;
    const variables = JSON.parse(stdout);
    const { accessKeyId, secretAccessKey } = principals.platform;
    assert.deepEqual(
      [variables.RESULTS_BUCKET, variables.RATES_TOKEN, variables.AWS_ACCESS_KEY_ID, variables.AWS_SECRET_ACCESS_KEY],
      ["results", PLATFORM.token, accessKeyId, secretAccessKey],
    );
  });

  it("explains how to start a platform if none runs", async () => {
    const { stderr, code } = await start(["env"], { RATES_DATA_DIR: join(directory, "nothing") }).ended;
    assert.equal(code, 4);
    assert.match(stderr, /No platform runs with the data directory .*nothing[\s\S]*npm start/);
  });
});
