import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { testApi } from "../testing/api/api.ts";

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00";
const read = { type: "read", query: "price_export" };

describe("the header traceparent", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let caller: { authorization: string };
  before(async () => {
    p = await testApi();
    caller = await p.as("default");
  });
  after(() => p.close());

  const post = async (requestId: string, traceparent?: string, url = "/jobs") =>
    p.app.inject({
      method: "POST",
      url,
      payload: url === "/jobs" ? { requestId, task: read } : {},
      headers: { ...caller, ...(traceparent === undefined ? {} : { traceparent }) },
    });
  const get = async (path: string) => (await p.app.inject({ url: path, headers: caller })).json();

  it("is shown with the job and in its response", async () => {
    assert.equal((await post("a", TRACE)).statusCode, 202);
    assert.equal((await get("/jobs/a")).traceparent, TRACE);
    await p.app.inject({ method: "POST", url: "/jobs/a/cancel", headers: caller });
    const response = await get("/jobs/a/response");
    assert.deepEqual([response.status, response.traceparent], ["CANCELLED", TRACE]);
  });

  it("is not part of the request's identity", async () => {
    await post("b", TRACE);
    const again = await post("b", OTHER);
    assert.deepEqual([again.statusCode, (await get("/jobs/b")).traceparent], [200, TRACE]);
  });

  it("of a retry is that of the request that retries the job", async () => {
    await post("c", TRACE);
    await p.app.inject({ method: "POST", url: "/jobs/c/cancel", headers: caller });
    assert.equal((await post("", OTHER, "/jobs/c/retry")).statusCode, 202);
    assert.equal((await get("/jobs/c.retry-1")).traceparent, OTHER);
  });

  it("is ignored if it is invalid", async () => {
    for (const [index, value] of ["", "x", TRACE.toUpperCase(), `${TRACE}-1`, "0".repeat(8_000)].entries()) {
      assert.equal((await post(`invalid-${index}`, value)).statusCode, 202, value.slice(0, 80));
      assert.equal((await get(`/jobs/invalid-${index}`)).traceparent, undefined);
    }
  });

  it("is ignored if it is sent twice", async () => {
    const address = new URL(await p.app.listen({ host: "127.0.0.1", port: 0 }));
    const body = JSON.stringify({ requestId: "twice", task: read });
    const socket = connect(Number(address.port), "127.0.0.1");
    const head = [
      "POST /jobs HTTP/1.1",
      `Host: ${address.host}`,
      `Authorization: ${caller.authorization}`,
      "Content-Type: application/json",
      "Connection: close",
      `Content-Length: ${body.length}`,
      `traceparent: ${TRACE}`,
      `traceparent: ${TRACE}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    assert.match(await text(socket), /^HTTP\/1\.1 202 /);
    assert.equal((await get("/jobs/twice")).traceparent, undefined);
  });
});
