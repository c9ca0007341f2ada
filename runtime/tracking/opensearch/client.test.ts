import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { JobError } from "../../contract/errors.ts";
import { json, type RecordedRequest, startRecordingServer } from "../../testing/tracking/recordingServer.ts";
import { document } from "../../testing/tracking/suite.ts";
import { connectTo, type OpenSearchCall } from "./client.ts";
import { OpenSearchTracking } from "./store.ts";

const SEARCH: OpenSearchCall = {
  method: "POST",
  path: "/x-*/_search",
  query: { b: 1, a: "ü /" },
  body: { size: 1 },
  timeoutMs: 300,
};

/** Returns the error of a call to a server with this response. */
async function failure(respond: Parameters<typeof startRecordingServer>[0]): Promise<JobError> {
  const front = await startRecordingServer(respond);
  try {
    await connectTo({ endpoint: front.endpoint })(SEARCH);
  } catch (error) {
    assert(error instanceof JobError, String(error));
    assert.equal(error.code, "TrackingUnavailable");
    return error;
  } finally {
    await front.stop();
  }
  assert.fail("the call succeeded");
}

describe("the client of OpenSearch", () => {
  for (const [status, pattern] of [
    [401, /refuses this platform's credentials/],
    [403, /refuses this platform's credentials/],
    [429, /overloaded/],
    [500, /returned status 500\./],
    [502, /returned status 502\./],
    [503, /is not ready/],
    [504, /returned status 504\./],
  ] as const)
    it(`reports status ${status} as an error of the contract, without a retry`, async () => {
      let calls = 0;
      const { message } = await failure((_, response) => {
        calls++;
        json(response, status, { error: { type: "x", reason: "y" } });
      });
      assert.match(message, pattern);
      assert.equal(calls, 1);
    });

  it("reports a server that does not respond in time, or never ends its response", async () => {
    const begun = performance.now();
    assert.match((await failure(() => undefined)).message, /did not respond (within 0\.3 s|in time)/);
    let drip: NodeJS.Timeout | undefined;
    const { message } = await failure((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      drip = setInterval(() => response.write(" "), 20);
    });
    clearInterval(drip);
    assert.match(message, /did not respond within 0\.3 s/);
    assert(performance.now() - begun < 3_000);
  });

  it("reports a server that is not reachable, disconnects, or is not OpenSearch", async () => {
    const gone = await startRecordingServer(() => undefined);
    await gone.stop();
    await assert.rejects(connectTo({ endpoint: gone.endpoint })(SEARCH), /it cannot be reached/);
    assert.match((await failure((_, response) => response.destroy())).message, /it cannot be reached/);
    assert.match(
      (await failure((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"))).message,
      /not OpenSearch/,
    );
    assert.match(
      (await failure((_, response) => response.writeHead(200, { "content-type": "application/json" }).end("{")))
        .message,
      /not OpenSearch/,
    );
  });

  it("keeps headers and responses out of the logged error", async () => {
    const error = await failure((_, response) => json(response, 503, { error: { reason: "secret" }, status: 503 }));
    assert.deepEqual(Object.keys(error.cause as Error), []);
  });

  describe("on AWS", () => {
    const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalr", AWS_SESSION_TOKEN: "session" };
    let before: NodeJS.ProcessEnv;
    beforeEach(() => {
      before = { ...process.env };
      Object.assign(process.env, KEYS);
    });
    afterEach(() => {
      for (const name of Object.keys(KEYS)) delete process.env[name];
      Object.assign(process.env, before);
    });

    it("signs every call, with any content", async () => {
      const front = await startRecordingServer((seen, response) => {
        if (!isSigned(seen, KEYS.AWS_SECRET_ACCESS_KEY)) return json(response, 403, { message: "not signed" });
        if (seen.path.startsWith("/_bulk"))
          return json(response, 200, { items: [{ index: { status: 201 } }, { index: { status: 409 } }] });
        json(response, 200, { hits: { hits: [] } });
      });
      try {
        const store = new OpenSearchTracking({ endpoint: front.endpoint, region: "eu-west-1", indexPrefix: "jobs" });
        const documents = ["été", "東京"].map((id) => ({ version: 1, document: document(id) }));
        assert.deepEqual(await store.put(documents), []);
        assert.deepEqual(await store.put(documents), []);
        await store.search({ limit: 1, text: "ü", labels: { "a b": "ß" } });
        await connectTo({ endpoint: front.endpoint, region: "eu-west-1" })(SEARCH);
        assert.deepEqual(
          front.seen.map(({ method, path }) => `${method} ${path.split("?")[0]}`),
          [
            "PUT /_index_template/jobs",
            "POST /_bulk",
            "HEAD /_index_template/jobs",
            "POST /_bulk",
            "POST /jobs-*/_search",
            "POST /x-*/_search",
          ],
        );
        assert(front.seen.every(({ headers }) => headers["x-amz-security-token"] === KEYS.AWS_SESSION_TOKEN));
      } finally {
        await front.stop();
      }
    });

    it("reports wrong credentials, and signs no call without a region", async () => {
      const front = await startRecordingServer((seen, response) =>
        json(response, isSigned(seen, "another") ? 200 : 403, { hits: { hits: [] } }),
      );
      try {
        await assert.rejects(connectTo({ endpoint: front.endpoint, region: "eu-west-1" })(SEARCH), /credentials/);
        await assert.rejects(connectTo({ endpoint: front.endpoint })(SEARCH), /credentials/);
        assert.equal(front.seen[1]?.headers.authorization, undefined);
      } finally {
        await front.stop();
      }
    });
  });
});

/** Returns true if a request has the signature that AWS would compute (Signature Version 4, service es). */
function isSigned({ method, path, headers, body }: RecordedRequest, secret: string): boolean {
  const form =
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/(\d{8})\/eu-west-1\/es\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;
  const [, day = "", names = "", signature] = form.exec(headers.authorization ?? "") ?? [];
  const required = ["host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
  if (!required.every((name) => names.split(";").includes(name))) return false;
  const url = new URL(path, "http://x");
  const escaped = (value: string) =>
    encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const sha256 = (value: string) => createHash("sha256").update(value).digest("hex");
  if (headers["x-amz-content-sha256"] !== sha256(body)) return false;
  const canonical = [
    method,
    // Each part of the path is escaped twice; S3 is the only exception.
    url.pathname.split("/").map(escaped).join("/"),
    [...url.searchParams]
      .map(([key, value]) => `${escaped(key)}=${escaped(value)}`)
      .sort()
      .join("&"),
    ...names.split(";").map((name) => `${name}:${String(headers[name]).trim()}`),
    "",
    names,
    sha256(body),
  ].join("\n");
  const scope = `${day}/eu-west-1/es/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const hmac = (key: string | Buffer, value: string) => createHmac("sha256", key).update(value).digest();
  const key = [day, "eu-west-1", "es", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, toSign).toString("hex") === signature;
}
