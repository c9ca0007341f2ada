import assert from "node:assert/strict";
import { startCollector } from "../../testing/traces/collector.ts";
import { sendSpans } from "./otlp.ts";
import type { Span } from "./spans.ts";

const RESOURCE = { version: "1", environment: undefined };
const SPAN: Span = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "b7ad6b7169203331",
  parentSpanId: "00f067aa0ba902b7",
  flags: 1,
  name: "job",
  kind: 1,
  startTimeUnixNano: "1700000000000000000",
  endTimeUnixNano: "1700000000001000000",
  attributes: [],
  status: {},
};

describe("an export to a collector", () => {
  let collector: Awaited<ReturnType<typeof startCollector>>;
  beforeEach(async () => {
    collector = await startCollector();
  });
  afterEach(() => collector.close());

  const send = (timeoutMs?: number) => sendSpans(collector, RESOURCE, [SPAN], timeoutMs);

  it("returns the number of spans that the collector rejected", async () => {
    assert.deepEqual(await send(), { outcome: "accepted", rejectedSpans: 0 });
    for (const [body, rejectedSpans] of [
      ['{"partialSuccess":{"rejectedSpans":"3"}}', 3],
      ["", 0],
      ["not JSON", 0],
      ["null", 0],
    ] as const) {
      collector.respondWith((_, response) => response.end(body));
      assert.deepEqual(await send(), { outcome: "accepted", rejectedSpans }, body);
    }
  });

  it("sends the configured headers and the content type of JSON", async () => {
    let received: Record<string, unknown> = {};
    collector.respondWith(({ headers }, response) => {
      received = headers;
      response.end("{}");
    });
    await sendSpans({ ...collector, headers: { "api-key": "abc" } }, RESOURCE, [SPAN]);
    assert.deepEqual([received["api-key"], received["content-type"]], ["abc", "application/json"]);
  });

  it("ends at its deadline, whether the collector is silent or responds byte by byte", async () => {
    collector.respondWith(() => undefined);
    await assert.rejects(send(50), /timeout/i);
    collector.respondWith((_, response) => {
      const drip = setInterval(() => response.write(" "), 5);
      response.on("close", () => clearInterval(drip));
    });
    await assert.rejects(send(100), /timeout/i);
  });

  it("reads only the beginning of a long response", async () => {
    collector.respondWith((_, response) => {
      const chunk = Buffer.alloc(65_536, " ");
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
    });
    assert.deepEqual(await send(), { outcome: "accepted", rejectedSpans: 0 });
  });

  it("follows no redirect", async () => {
    collector.respondWith((_, response) => response.writeHead(307, { location: `${collector.endpoint}/other` }).end());
    await assert.rejects(send(), /it returned 307/);
    assert.deepEqual(collector.calls, ["POST /v1/traces"]);
  });
});
