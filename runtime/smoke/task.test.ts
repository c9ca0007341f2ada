import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { start, startFakeServer } from "../testing/cli.ts";
import { parseTokenLine } from "./handshake.ts";

const program = fileURLToPath(new URL("task.ts", import.meta.url));

describe("the smoke task", () => {
  const outputs = (url: string) => ({
    ...{ stack: "dev", region: "eu-central-1", api: url, resultsBucket: "results", glueJob: "glue" },
    ...{ requestQueueUrl: `${url}/1/requests`, responseQueueUrl: `${url}/1/responses` },
    ...{ deadLetterQueueUrl: `${url}/1/dead`, launchTemplate: "lt-1", maxConnections: 100 },
  });

  it("logs only the hash of its token, and exits with 1 after a failed check", async () => {
    const bearers = new Set<string>();
    const server = await startFakeServer(({ requestLine, response }) => {
      if (requestLine.startsWith("GET /jobs")) bearers.add(String(response.req.headers.authorization));
      // The queues refuse requests, so that the first check fails.
      const body = requestLine.startsWith("GET /jobs") ? { jobs: [] } : { __type: "AccessDenied", message: "no" };
      response.statusCode = "jobs" in body ? 200 : 400;
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
    try {
      const env = {
        SMOKE_OUTPUTS: JSON.stringify(outputs(server.url)),
        AWS_ENDPOINT_URL: server.url,
        AWS_ACCESS_KEY_ID: "id",
        AWS_SECRET_ACCESS_KEY: "key",
      };
      const { code, stdout } = await start(["--limit", "20"], env, { program }).ended;
      assert.equal(code, 1, stdout);
      assert.match(stdout, /failed {3}the platform responds and has prices\n/);
      const [bearer = "", ...others] = bearers;
      assert.deepEqual(others, []);
      const secret = bearer.replace("Bearer ", "");
      const [line = ""] = stdout.split("\n");
      assert.equal(parseTokenLine(line)?.hash, createHash("sha256").update(secret).digest("hex"));
      assert.ok(secret.length > 40 && !stdout.includes(secret));
    } finally {
      await server.close();
    }
  });

  const MAX_CONNECTIONS_AS_TEXT = JSON.stringify({ ...outputs("http://127.0.0.1:1"), maxConnections: "100" });
  for (const [name, text, expected] of [
    ["missing outputs", '{"stack":"dev"}', "region, api, requestQueueUrl"],
    ["no outputs", undefined, "stack, region"],
    ["invalid JSON", '{"stack":', "stack, region"],
    ["an optional output of another type", MAX_CONNECTIONS_AS_TEXT, "maxConnections."],
  ] as const)
    it(`exits with 2 and names the missing or invalid outputs: ${name}`, async () => {
      const env = text === undefined ? {} : { SMOKE_OUTPUTS: text };
      const { code, stdout, stderr } = await start([], env, { program }).ended;
      assert.deepEqual([code, stdout], [2, ""], stderr);
      const prefix = "SMOKE_OUTPUTS must be the stack's outputs as JSON; missing or invalid: ";
      assert.ok(stderr.startsWith(`${prefix}${expected}`), stderr);
    });
});
