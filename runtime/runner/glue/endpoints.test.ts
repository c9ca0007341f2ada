import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { requirePython } from "../../testing/python/python.ts";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));

describe("the endpoints of the runner in Python, with Glue's boto3", () => {
  let python = "";
  before(function () {
    python = requirePython(this, "python");
  });
  const endpoint = (service: string, more: Record<string, string> = {}) =>
    execFileSync(python, ["-B", "-c", `import runner; print(runner.aws_client("${service}").meta.endpoint_url)`], {
      cwd: FOLDER,
      encoding: "utf8",
      env: { AWS_DEFAULT_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", ...more },
    }).trim();

  it("are those that VPC endpoints serve, not SQS's old endpoint", () => {
    assert.equal(endpoint("sqs"), "https://sqs.eu-central-1.amazonaws.com");
    assert.match(endpoint("s3"), /^https:\/\/s3\.eu-central-1\.amazonaws\.com$/);
  });

  it("are those that environment variables name, which this version of boto3 itself ignores", () => {
    const more = { AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1", AWS_ENDPOINT_URL: "http://127.0.0.1:2" };
    assert.deepEqual([endpoint("sqs", more), endpoint("s3", more)], ["http://127.0.0.1:1", "http://127.0.0.1:2"]);
  });
});
