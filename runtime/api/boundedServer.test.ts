import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener, Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createBoundedServer, MAX_PIPELINED } from "./connections.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

describe("the bounded HTTP server", () => {
  let server: Server;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
    await once(server, "close");
  });

  const listen = async (max: number, handle: RequestListener) => {
    server = createBoundedServer(handle, max).listen(0, "127.0.0.1");
    await once(server, "listening");
  };
  /**
   * Opens a connection, writes to it and waits until it is accepted. `firstData` resolves to the first data that the
   * server sends, `closed` to all data.
   */
  const open = async (text = "") => {
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection");
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => undefined);
    let received = "";
    // `once` of node:events would reject after an error of the socket, for example ECONNRESET.
    const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
    socket.on("data", (chunk) => {
      received += chunk;
    });
    const firstData = once(socket, "data").then(() => received);
    firstData.catch(() => undefined);
    socket.write(text);
    await accepted;
    return { socket, closed, firstData };
  };
  const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

  it("accepts a new connection by closing the one that has been idle longest", async () => {
    await listen(2, (_request, response) => response.end("ok"));
    const first = await open(get("/"));
    await first.firstData;
    const second = await open();
    // After this request, the second connection has been idle longest.
    first.socket.write(get("/"));
    await once(first.socket, "data");
    const third = await open(get("/"));
    assert.match(await third.firstData, /^HTTP\/1\.1 200 /);
    assert.equal(await second.closed, "");
    first.socket.write(get("/"));
    await once(first.socket, "data");
  });

  it("accepts a new connection by closing one with a stalled body, not one whose request is being handled", async () => {
    await listen(2, (request, response) => {
      if (request.method === "GET") response.write("begun");
      else request.resume();
    });
    const busy = await open(get("/"));
    await busy.firstData;
    const received = once(server, "request");
    const stalled = await open("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    await received;
    const third = await open(get("/"));
    assert.match(await third.firstData, /^HTTP\/1\.1 200 /);
    assert.equal(await stalled.closed, "");
    assert.equal(busy.socket.destroyed, false);
  });

  it("responds to a new connection with 503 and closes it if all others are busy, but serves health checks", async () => {
    await listen(2, (request, response) => {
      if (request.url === "/healthz") response.end("ok");
      else response.write("begun");
    });
    for (let count = 0; count < 2; count++) await (await open(get("/"))).firstData;
    const refused = await (await open(get("/"))).closed;
    assert.match(refused, /^HTTP\/1\.1 503 .*"type":"TooManyConnections"/s);
    assert.match(refused, /^retry-after: \d+\r$/im);
    assert.match(await (await open(get("/healthz"))).firstData, /^HTTP\/1\.1 200 /);
  });

  it("handles pipelined requests one by one, and responds in order", async () => {
    let maxConcurrent = 0;
    let concurrent = 0;
    await listen(2, (request, response) => {
      maxConcurrent = Math.max(maxConcurrent, ++concurrent);
      setImmediate(() => {
        concurrent--;
        if (request.url === "/last") response.setHeader("connection", "close");
        response.end(`<${request.url}>`);
      });
    });
    const paths = [...Array.from({ length: 20 }, (_, n) => `/${n}`), "/last"];
    const responseText = await (await open(paths.map(get).join(""))).closed;
    assert.deepEqual(
      [...responseText.matchAll(/<(.*?)>/g)].map(([, path]) => path),
      paths,
    );
    assert.equal(maxConcurrent, 1);
  });

  it("returns 429 to a client that pipelines too many requests, and closes its connection", async () => {
    let handled = 0;
    await listen(2, (_request, response) => {
      handled++;
      setImmediate(() => response.end("ok"));
    });
    const { closed } = await open(get("/").repeat(1_000));
    assert.equal(statuses(await closed).at(-1), 429);
    assert.equal(handled, MAX_PIPELINED + 1);
  });

  it("disconnects a client that keeps sending while a response is pending", async () => {
    await listen(2, () => undefined);
    assert.equal(await (await open(get("/").repeat(2_000))).closed, "");
  });

  it("drops the queued requests of a client that has disconnected", async () => {
    let handled = 0;
    await listen(2, () => {
      handled++;
    });
    const { socket } = await open(get("/").repeat(5));
    if (handled === 0) await once(server, "request");
    const nextRequest = once(server, "request");
    socket.destroy();
    await open(get("/"));
    await nextRequest;
    while (handled < 2) await once(server, "request");
    assert.equal(handled, 2);
  });
});
