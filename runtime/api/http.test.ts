import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { testApi } from "../testing/api/api.ts";
import { onClientError } from "./problem.ts";
import { KEEP_ALIVE_SECONDS } from "./timeouts.ts";

type Api = Awaited<ReturnType<typeof testApi>>;
const rates = "/rates?date_from=2021-01-01&date_to=2021-01-02&orig_code=A&dest_code=B";

describe("the API's HTTP server", () => {
  let p: Api;
  let address: URL;
  let acme: { authorization: string };
  before(async () => {
    p = await testApi({ api: { trustedHops: 1, statementSeconds: 1 } });
    address = new URL(await p.app.listen({ host: "127.0.0.1", port: 0 }));
    acme = await p.as("acme");
  });
  after(() => p.close());

  const post = (payload: string | Buffer, headers: object = { "content-type": "application/json" }) =>
    p.app.inject({ method: "POST", url: "/jobs", payload, headers: { ...acme, ...headers } });
  /** Sends bytes and returns the server's response after the server has closed the connection. */
  const sendRaw = async (bytes: string) => {
    const socket = connect(Number(address.port), "127.0.0.1");
    await once(socket, "connect");
    socket.write(bytes);
    const response = await text(socket);
    const [head = "", body = ""] = response.split("\r\n\r\n");
    return { head, problem: JSON.parse(body) };
  };

  it("responds to HEAD of a job's events at once, although the job has not ended", async () => {
    await p.app.inject({
      method: "POST",
      url: "/jobs",
      payload: { requestId: "keeps-running", task: { type: "read", sql: "select 1" } },
      headers: acme,
    });
    const response = await p.app.inject({ method: "HEAD", url: "/jobs/keeps-running/events", headers: acme });
    assert.deepEqual([response.statusCode, response.headers["content-type"]], [200, "text/event-stream"]);
  });

  it("announces its keep-alive timeout", async () => {
    const socket = connect(Number(address.port), "127.0.0.1");
    await once(socket, "connect");
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${address.host}\r\n\r\n`);
    const [response] = await once(socket, "data");
    socket.destroy();
    assert.match(String(response), /^HTTP\/1\.1 200 /);
    assert.match(String(response), new RegExp(`^keep-alive: timeout=${KEEP_ALIVE_SECONDS}\\b`, "im"));
  });

  it("refuses a body with a duplicate key, and names the key", async () => {
    const response = await post(
      '{"task":{"type":"read","sql":"select 1","sql":"select 2"},"labels":{"a":"1","\\u0061":"2"}}',
    );
    assert.equal(response.statusCode, 400);
    assert.deepEqual(
      response.json().problems.map(({ field }: { field: string }) => field),
      ["task.sql", "labels.a"],
    );
  });

  it("refuses a body that is not JSON in UTF-8, or of another type", async () => {
    for (const body of [Buffer.from([0x7b, 0xff, 0x7d]), "{", "{} {}", "NaN"])
      assert.deepEqual([(await post(body)).statusCode, (await post(body)).json().type], [400, "UnreadableMessage"]);
    const headers = { ...(await p.as("acme", "admin")), "content-type": "application/json" };
    const refused = await p.app.inject({ method: "POST", url: "/tokens", payload: "{", headers });
    assert.match(refused.json().detail, /JSON.*\. Send one JSON object\.$/, "no advice for job requests");
    for (const type of ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"]) {
      const response = await post("{}", { "content-type": type });
      assert.deepEqual([response.statusCode, response.json().type], [415, "UnsupportedMediaType"], type);
      assert.match(response.json().detail, /is not supported\. Send JSON with `Content-Type: application\/json`\.$/);
    }
  });

  it("refuses compressed bodies", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const response = await post(gzipSync("{}"), headers);
    assert.deepEqual([response.statusCode, response.json().type], [415, "UnsupportedMediaType"]);
    assert.match(response.json().detail, /'application\/json, in gzip' is not supported\. Send the body uncompressed/);
  });

  it("refuses a request with two Authorization headers", async () => {
    const { authorization } = await p.as("acme");
    const two = `Authorization: ${authorization}\r\nauthorization: ${authorization}\r\n`;
    const response = await sendRaw(`GET /jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${two}\r\n`);
    assert.match(response.head, /^HTTP\/1\.1 401 /);
  });

  it("keeps private responses and errors out of shared caches, and disables MIME sniffing", async () => {
    for (const url of ["/jobs", "/stats", "/queries"]) {
      const { headers } = await p.app.inject({ url, headers: await p.as("acme") });
      assert.equal(headers["x-content-type-options"], "nosniff", url);
      assert.match(String(headers["cache-control"]), /^(?:private, no-cache|no-store)$/, url);
    }
    const { statusCode, headers } = await p.app.inject({ url: "/jobs/none", headers: await p.as("acme") });
    assert.deepEqual([statusCode, headers["cache-control"]], [404, "no-store"]);
  });

  it("does not read the body of a caller without access", async () => {
    for (const [headers, status] of [
      [{ authorization: "Bearer rates_wrong" }, 401],
      [{ authorization: "" }, 401],
      [await p.as("acme", "read"), 403],
    ] as const)
      assert.equal((await post("{", { ...headers, "content-type": "application/json" })).statusCode, status);
  });

  it("responds to an unsupported method with 405 and the path's methods, whatever the body", async () => {
    for (const [method, url, allow] of [
      ["PUT", "/jobs", "GET, HEAD, POST"],
      ["DELETE", "/jobs/x", "GET, HEAD"],
      ["GET", "/jobs/x/cancel", "POST"],
      ["PATCH", "/rates?x=1", "GET, HEAD"],
      ["OPTIONS", "/uploads/x", "DELETE"],
    ] as const) {
      const response = await p.app.inject({ method, url, ...(method === "PUT" ? { payload: "<x/>" } : {}) });
      assert.deepEqual([response.statusCode, response.headers.allow], [405, allow], `${method} ${url}`);
      assert.equal(response.json().type, "MethodNotAllowed");
    }
    assert.equal((await p.app.inject({ method: "PUT", url: "/jobs/x/y/z", payload: "x" })).statusCode, 404);
  });

  it("responds to input that is not HTTP with a problem", async () => {
    const broken = await sendRaw("GET /rates HTTP/9.9 nonsense\r\n\r\n");
    assert.match(broken.head, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/);
    assert.equal(broken.problem.type, "MalformedHttp");
    const large = await sendRaw(`GET /rates HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`);
    assert.match(large.head, /^HTTP\/1\.1 431 /);
    assert.equal(large.problem.type, "HeadersTooLarge");
    const twice = await sendRaw(
      "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    assert.equal(twice.problem.status, 400);
  });

  it("cancels a statement that takes too long, and reports a retryable error", async () => {
    // Another session locks the row that a cancellation must change.
    await p.admin.query("begin; select from jobs.jobs where request_id = 'keeps-running' for update");
    try {
      const response = await p.app.inject({ method: "POST", url: "/jobs/keeps-running/cancel", headers: acme });
      assert.deepEqual([response.statusCode, response.json().type], [503, "DatabaseUnavailable"]);
      assert.equal(response.headers["retry-after"], "5");
    } finally {
      await p.admin.query("rollback");
    }
  });

  it("reports a deadlock as retryable, and an internal error without its cause", async () => {
    const query = p.pool.query;
    const responseTo = async (error: object) => {
      p.pool.query = (() => Promise.reject(Object.assign(new Error("very secret"), error))) as never;
      const { statusCode, body } = await p.app.inject({ url: "/readyz" });
      assert.doesNotMatch(body, /very secret/);
      return [statusCode, JSON.parse(body).type];
    };
    try {
      assert.deepEqual(await responseTo({ code: "40P01" }), [503, "DatabaseUnavailable"]);
      assert.deepEqual(await responseTo({ code: "42P01" }), [500, "Internal"]);
    } finally {
      p.pool.query = query;
    }
  });

  it("returns 408 to a request that does not arrive in time", async () => {
    const server = createServer((socket) =>
      onClientError(Object.assign(new Error("Request timeout"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), socket),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    const response = await text(connect((server.address() as AddressInfo).port, "127.0.0.1"));
    server.close();
    assert.match(response, /^HTTP\/1\.1 408 Request Timeout\r\nContent-Type: application\/problem\+json/);
    assert.match(response, /"type":"SlowRequest"/);
  });

  it("refuses a revoked token at once", async () => {
    const admin = await p.as("acme", "admin");
    const headers = await p.as("acme", "read");
    const get = () => p.app.inject({ url: "/jobs", headers });
    const statuses = (await Promise.all(Array.from({ length: 20 }, get))).map(({ statusCode }) => statusCode);
    assert.deepEqual(new Set(statuses), new Set([200]));
    const { rows } = await p.admin.query("select id from jobs.tokens order by created_at desc limit 1");
    const revoked = await p.app.inject({ method: "DELETE", url: `/tokens/${rows[0].id}`, headers: admin });
    assert.equal(revoked.statusCode, 204);
    assert.equal((await get()).statusCode, 401);
  });
});

describe("the API's rate limits", () => {
  let p: Api;
  before(async () => {
    p = await testApi({
      api: { trustedHops: 1, limits: { tokenPerMinute: 3, addressPerMinute: 2, ratesPerMinute: 4 } },
    });
  });
  after(() => p.close());

  const statuses = async (count: number, url: string, headers: Record<string, string> = {}) => {
    const all: number[] = [];
    for (let index = 0; index < count; index++) all.push((await p.app.inject({ url, headers })).statusCode);
    return all;
  };

  it("limit each token separately, and say when to retry", async () => {
    const [first, second] = [await p.as("acme"), await p.as("acme")];
    assert.deepEqual(await statuses(4, "/stats", first), [200, 200, 200, 429]);
    assert.deepEqual(await statuses(1, "/stats", second), [200]);
    const response = await p.app.inject({ url: "/stats", headers: first });
    assert.match(response.headers["content-type"] ?? "", /^application\/problem\+json/);
    assert.equal(response.json().type, "TooManyRequests");
    const wait = Number(response.headers["retry-after"]);
    assert(wait >= 1 && wait <= 60, `${wait} s`);
  });

  it("count a token's sessions as the token", async () => {
    const token = await p.as("acme");
    const sessions: Record<string, string>[] = [];
    for (let index = 0; index < 2; index++) {
      const payload = { token: token.authorization.slice("Bearer ".length) };
      const browser = { "sec-fetch-site": "same-origin", "x-forwarded-for": `192.0.2.${100 + index}` };
      const response = await p.app.inject({ method: "POST", url: "/session", headers: browser, payload });
      const [cookie = ""] = String(response.headers["set-cookie"]).split(";");
      sessions.push({ cookie, ...browser });
    }
    for (const headers of [token, ...sessions]) assert.deepEqual(await statuses(1, "/stats", headers), [200]);
    for (const headers of [token, ...sessions]) assert.deepEqual(await statuses(1, "/stats", headers), [429]);
  });

  it("limit an address (as the balancer reports it) that guesses tokens, but not its valid tokens", async () => {
    const from = (address: string) => ({ "x-forwarded-for": `10.9.9.9, ${address}` });
    const known = await p.as("acme");
    assert.deepEqual(await statuses(1, "/stats", { ...known, ...from("192.0.2.1") }), [200]);
    const guess = { authorization: "Bearer rates_guess", ...from("192.0.2.1") };
    assert.deepEqual(await statuses(3, "/stats", guess), [401, 401, 429]);
    assert.deepEqual(await statuses(1, "/stats", from("192.0.2.1")), [429]);
    assert.deepEqual(await statuses(1, "/stats", from("192.0.2.2")), [401]);
    assert.deepEqual(await statuses(1, "/stats", { ...known, ...from("192.0.2.1") }), [200]);
  });

  it("prevent database queries for invalid tokens from an address over its limit, including revoked tokens", async () => {
    const query = p.pool.query.bind(p.pool) as (...args: unknown[]) => unknown;
    let queries = 0;
    p.pool.query = ((...args: unknown[]) => {
      queries += 1;
      return query(...args);
    }) as never;
    const revoked = await p.as("acme");
    const { rows } = await p.admin.query("select id from jobs.tokens order by created_at desc limit 1");
    assert.deepEqual(await statuses(1, "/queries", { ...revoked, "x-forwarded-for": "192.0.2.8" }), [200]);
    await p.admin.query("select jobs.revoke_token($1)", [rows[0].id]);
    for (const [address, token] of [
      ["192.0.2.7", { authorization: "Bearer rates_guess" }],
      ["192.0.2.8", revoked],
    ] as const) {
      queries = 0;
      assert.deepEqual(await statuses(4, "/queries", { ...token, "x-forwarded-for": address }), [401, 401, 429, 429]);
      assert.equal(queries, 2, address);
    }
  });

  it("limit /rates separately, and health checks not at all", async () => {
    assert.deepEqual(await statuses(5, rates), [200, 200, 200, 200, 429]);
    assert.deepEqual(new Set(await statuses(10, "/healthz")), new Set([200]));
  });
});
