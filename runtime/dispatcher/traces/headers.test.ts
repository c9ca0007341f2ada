import assert from "node:assert/strict";
import { collectorHeaders, parseHeaders } from "./headers.ts";

const SECRET = "hunter2";
const ARN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:rates/collector-AbCdEf";

describe("the headers of an export", () => {
  it("are read in OpenTelemetry's format, or from a JSON object", () => {
    assert.deepEqual(parseHeaders("api-key=abc, X-Team=a%20b%2Cc=d,"), { "api-key": "abc", "x-team": "a b,c=d" });
    assert.deepEqual(parseHeaders(' {"Authorization":"Bearer a,b=c"}'), { authorization: "Bearer a,b=c" });
    assert.deepEqual([parseHeaders(""), parseHeaders("{}")], [{}, {}]);
  });

  for (const [text, problem] of [
    [SECRET, /without =/],
    [`a b=${SECRET}`, /invalid header name/],
    [`${SECRET} x: y=1`, /invalid header name/],
    [`=${SECRET}`, /invalid header name/],
    [`api-key=${SECRET}%`, /percent-encoding/],
    [`api-key=${SECRET}%0D%0Ax: y`, /value of api-key/],
    [`api-key=${SECRET}%C3%A4`, /value of api-key/],
    ["api-key=", /value of api-key/],
    [`api-key=${SECRET.padEnd(5_000, "x")}`, /value of api-key/],
    [`Host=${SECRET}`, /names host, which/],
    [`content-type=${SECRET}`, /names content-type, which/],
    [`a=${SECRET},A=${SECRET}`, /names a twice/],
    [Array.from({ length: 21 }, (_, n) => `h${n}=${SECRET}`).join(), /has 21 headers/],
    [`{"a":"${SECRET}"`, /not a JSON object/],
    [`{"a":{"b":"${SECRET}"}}`, /not a JSON object/],
    ['{"a":1}', /not a JSON object/],
  ] as const)
    it(`are refused without repeating a value: ${text.slice(0, 30)}`, () => {
      assert.throws(
        () => parseHeaders(text),
        ({ message }: Error) => problem.test(message) && !message.includes(SECRET),
      );
    });

  it("come from the stack's secret, which is read again after five minutes", async () => {
    let clock = 0;
    const reads: string[] = [];
    const secrets = ["api-key=first", "api-key=second"];
    const headers = collectorHeaders(
      { headersSecret: ARN },
      {
        readSecret: async (arn) => secrets[reads.push(arn) - 1] ?? "",
        now: () => clock,
        env: { OTEL_EXPORTER_OTLP_HEADERS: "api-key=local" },
      },
    );
    assert.deepEqual([await headers(), await headers()], [{ "api-key": "first" }, { "api-key": "first" }]);
    clock = 300_000;
    assert.deepEqual(await headers(), { "api-key": "second" });
    assert.deepEqual(reads, [ARN, ARN]);
  });

  it("remain the last valid headers while the secret is unreadable or invalid", async () => {
    let clock = 0;
    let secret = async () => "api-key=first";
    const stale: string[] = [];
    const headers = collectorHeaders(
      { headersSecret: ARN },
      { readSecret: () => secret(), now: () => clock, onStale: (reason) => stale.push(reason) },
    );
    await headers();
    const unusable = [() => Promise.reject(new Error("denied")), async () => SECRET];
    for (const [index, text] of unusable.entries()) {
      secret = text;
      clock += 300_000;
      assert.deepEqual([await headers(), await headers()], [{ "api-key": "first" }, { "api-key": "first" }]);
      assert.equal(stale.length, index + 1, "an unusable secret is not read at every export");
    }
    assert.match(stale.join("\n"), /^denied\nthe secret of traces\.headersSecret has an entry without =/);
    assert(!stale.join().includes(SECRET));
    secret = async () => "api-key=second";
    clock += 30_000;
    assert.deepEqual([await headers(), stale.length], [{ "api-key": "second" }, 2]);
  });

  it("are read again at the next export if no earlier value was valid", async () => {
    const secrets = [() => Promise.reject(new Error("denied")), async () => "{", async () => "a=b"];
    const headers = collectorHeaders(
      { headersSecret: ARN },
      { readSecret: () => (secrets.shift() ?? assert.fail())() },
    );
    await assert.rejects(headers(), /^Error: denied$/);
    await assert.rejects(headers(), /^Error: the secret of traces\.headersSecret begins with/);
    assert.deepEqual(await headers(), { a: "b" });
  });

  it("come from the environment if there is no secret, and are empty by default", async () => {
    const unread = () => assert.fail("a secret was read");
    const from = (text?: string) =>
      collectorHeaders(undefined, {
        readSecret: unread,
        env: text === undefined ? {} : { OTEL_EXPORTER_OTLP_HEADERS: text },
      })();
    assert.deepEqual([await from("api-key=abc"), await from()], [{ "api-key": "abc" }, {}]);
    await assert.rejects(from("abc"), /^Error: OTEL_EXPORTER_OTLP_HEADERS has an entry without =/);
  });
});
