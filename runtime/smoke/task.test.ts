import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { httpDouble, start } from "../testing/cli.ts";
import { tokenOf } from "./handshake.ts";

const program = fileURLToPath(new URL("task.ts", import.meta.url));

describe("the smoke task", () => {
  const outputs = (url: string) => ({
    ...{ stack: "dev", region: "eu-central-1", api: url, resultsBucket: "results", glueJob: "glue" },
    ...{ requestQueueUrl: `${url}/1/requests`, responseQueueUrl: `${url}/1/responses` },
    ...{ deadLetterQueueUrl: `${url}/1/dead`, launchTemplate: "lt-1", maxConnections: 100 },
  });

  it("logs the hash of its token and nothing that the token can be derived from, and exits with its verdict", async () => {
    const bearers = new Set<string>();
    const double = await httpDouble(({ what, response }) => {
      if (what.startsWith("GET /jobs")) bearers.add(String(response.req.headers.authorization));
      // The queues refuse requests, so that the first check fails.
      const answer = what.startsWith("GET /jobs") ? { jobs: [] } : { __type: "AccessDenied", message: "no" };
      response.statusCode = "jobs" in answer ? 200 : 400;
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    });
    try {
      const env = {
        SMOKE_OUTPUTS: JSON.stringify(outputs(double.url)),
        AWS_ENDPOINT_URL: double.url,
        AWS_ACCESS_KEY_ID: "id",
        AWS_SECRET_ACCESS_KEY: "key",
      };
      const { code, stdout } = await start(["--limit", "20"], env, { program }).ended;
      assert.equal(code, 1, stdout);
      assert.match(stdout, /failed {3}the platform answers and has prices\n/);
      const [bearer = "", ...others] = bearers;
      assert.deepEqual(others, []);
      const secret = bearer.replace("Bearer ", "");
      const [line = ""] = stdout.split("\n");
      assert.equal(tokenOf(line)?.hash, createHash("sha256").update(secret).digest("hex"));
      assert.ok(secret.length > 40 && !stdout.includes(secret));
    } finally {
      await double.close();
    }
  });

  it("exits with 2 and names what its environment lacks", async () => {
    const { code, stderr } = await start([], { SMOKE_OUTPUTS: '{"stack":"dev"}' }, { program }).ended;
    assert.equal(code, 2);
    assert.match(stderr, /SMOKE_OUTPUTS must be the stack's outputs as JSON; missing: region, api, requestQueueUrl/);
    assert.match((await start([], {}, { program }).ended).stderr, /missing: stack, region/);
  });
});
