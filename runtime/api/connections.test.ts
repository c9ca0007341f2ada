import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { testApi } from "../testing/api/api.ts";
import { MALFORMED } from "../testing/api/malformed.ts";
import { HEADERS_SECONDS, REQUEST_SECONDS } from "./timeouts.ts";

const read = { type: "read", sql: "select 1 as n", format: "json" };

describe("connections of the API", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let port: number;
  const sockets: Socket[] = [];
  before(async () => {
    p = await testApi({ api: { limits: { connections: 20, streamsPerToken: 3 } } });
    const { headersTimeout, requestTimeout } = p.app.server;
    assert.deepEqual([headersTimeout, requestTimeout], [HEADERS_SECONDS * 1000, REQUEST_SECONDS * 1000]);
    // Shorter than in production, since the test waits for them.
    Object.assign(p.app.server, { headersTimeout: 300, requestTimeout: 600 });
    port = Number(new URL(await p.app.listen({ host: "127.0.0.1", port: 0 })).port);
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
  after(() => p.close());

  /** Opens a connection and writes to it; `closed` resolves to everything received until it is closed. */
  const open = (text = "") => {
    const socket = connect({ port, host: "127.0.0.1" });
    sockets.push(socket);
    socket.on("error", () => undefined);
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    if (text) socket.write(text);
    // `once` of node:events would reject after an error of the socket, for example EPIPE.
    const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
    return { socket, closed, received: () => received };
  };

  it("limits idle sockets and the number of connections", () => {
    assert.ok(p.app.server.timeout > 0 && p.app.server.timeout <= 300_000, "idle sockets");
    assert.ok(p.app.server.maxConnections >= 20 && p.app.server.maxConnections <= 100);
    assert.ok(p.app.server.keepAliveTimeout < p.app.server.timeout, "the keep-alive timeout ends first");
  });

  it("ends a request with stalled headers", async () => {
    assert.match(await open("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").closed, /^HTTP\/1\.1 408 /);
  });

  it("ends a request whose body stalls or arrives byte by byte", async () => {
    const head = "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    const { authorization } = await p.as("acme");
    const stalled = open(`${head}Authorization: ${authorization}\r\nContent-Length: 100\r\n\r\n{`);
    const trickled = open(`${head}Authorization: ${authorization}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const trickle = setInterval(() => trickled.socket.write("1\r\n \r\n"), 50);
    await Promise.all([stalled.closed, trickled.closed]);
    clearInterval(trickle);
  });

  it("closes the connection on input that it must not serve, with a short 4xx response except for CONNECT", async () => {
    for (const text of MALFORMED) {
      const response = await open(text).closed;
      assert.match(response, text.startsWith("CONNECT") ? /^$/ : /^HTTP\/1\.1 4\d\d /, text.slice(0, 40));
      assert.ok(response.length < 1_000, text.slice(0, 40));
    }
    assert.equal((await p.app.inject({ url: "/healthz" })).statusCode, 200);
  });

  it("ignores upgrades, and supports only 100-continue in Expect", async () => {
    const head = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: ";
    assert.match(await open(`${head}close, upgrade\r\nUpgrade: websocket\r\n\r\n`).closed, /^HTTP\/1\.1 200 /);
    assert.match(
      await open(`${head}close, upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n`).closed,
      /^HTTP\/1\.1 200 /,
    );
    assert.match(await open(`${head}close\r\nExpect: anything\r\n\r\n`).closed, /^HTTP\/1\.1 417 /);
    const post = "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n";
    const continued = open(`${post}Expect: 100-continue\r\nConnection: close\r\n\r\n`);
    await once(continued.socket, "data");
    continued.socket.write("{}");
    assert.match(await continued.closed, /^HTTP\/1\.1 100 .*HTTP\/1\.1 401 /s);
  });

  it("serves a new client while others hold all connections", async () => {
    const many = Array.from({ length: 60 }, () => open());
    await Promise.all(many.map(({ socket }) => once(socket, "connect")));
    const { closed } = open("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(await closed, /^HTTP\/1\.1 200 /);
  });

  it("closes connections beyond the maximum, and accepts new ones after others have closed", async () => {
    const many = Array.from({ length: 40 }, () => open());
    await Promise.race(many.map(({ closed }) => closed));
    for (const { socket } of many) socket.destroy();
    await Promise.all(many.map(({ closed }) => closed));
    for (let tries = 0; tries < 100; tries++) {
      const { closed } = open("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      if (/^HTTP\/1\.1 200/.test(await closed)) return;
      await pause(20);
    }
    assert.fail("no new connection was accepted");
  });

  describe("event streams", () => {
    const streams: AbortController[] = [];
    afterEach(async () => {
      for (const stream of streams.splice(0)) stream.abort();
    });
    const stream = async (id: string, headers: { authorization: string }) => {
      const controller = new AbortController();
      streams.push(controller);
      return fetch(`http://127.0.0.1:${port}/jobs/${id}/events`, { headers, signal: controller.signal });
    };
    const submit = (requestId: string, headers: { authorization: string }) =>
      p.app.inject({ method: "POST", url: "/jobs", payload: { requestId, task: read }, headers });

    it("are limited per token, and no longer count once they are closed", async () => {
      const headers = await p.as("capped");
      await submit("capped", headers);
      for (let count = 0; count < 3; count++) assert.equal((await stream("capped", headers)).status, 200);
      const refused = await stream("capped", headers);
      assert.equal(refused.status, 429);
      assert.equal(((await refused.json()) as { type: string }).type, "TooManyStreams");
      assert.ok(refused.headers.get("retry-after"));
      assert.equal((await stream("capped", await p.as("capped"))).status, 200, "another token has its own limit");
      streams[0]?.abort();
      for (let tries = 0; (await stream("capped", headers)).status !== 200; tries++) {
        assert.ok(tries < 100, "a stream that has ended still counts");
        await pause(20);
      }
    });

    it("share one poll regardless of their number, and end when their token is revoked", async () => {
      const holders = await Promise.all(Array.from({ length: 5 }, () => p.as("watched")));
      const [first] = holders;
      assert(first);
      await submit("watched", first);
      const query = p.pool.query.bind(p.pool) as (...args: unknown[]) => Promise<unknown>;
      const statements: string[] = [];
      p.pool.query = ((...args: unknown[]) => {
        statements.push(String(args[0]));
        return query(...args);
      }) as never;
      try {
        const texts: Promise<string>[] = [];
        for (const headers of holders) {
          for (let count = 0; count < 3; count++) texts.push((await stream("watched", headers)).text());
        }
        // After this, only the polls of fifteen streams query the database.
        statements.length = 0;
        while (statements.filter((text) => text.includes("with ordinality watched")).length < 8) await pause(20);
        assert.ok(statements.length <= 8 + 4, `${statements.length} statements for eight polls`);
        await p.admin.query("update jobs.tokens set revoked_at = now() where tenant = 'watched'");
        for (const text of await Promise.all(texts)) assert.match(text, /"PENDING"/);
      } finally {
        p.pool.query = query as never;
      }
    });
  });
});
