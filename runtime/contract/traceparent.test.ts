import assert from "node:assert/strict";
import fc from "fast-check";
import { traceContext, traceparentOfBody, validTraceparent } from "./traceparent.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const VALID = `00-${TRACE}-${SPAN}-01`;

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""))
    .filter((digits) => length === 2 || /[^0]/.test(digits));

describe("a traceparent", () => {
  it("has a trace id, a span id and a sampled flag", () => {
    fc.assert(
      fc.property(hex(32), hex(16), hex(2), (traceId, spanId, flags) => {
        const text = `00-${traceId}-${spanId}-${flags}`;
        assert.deepEqual(traceContext(text), { traceId, spanId, isSampled: Number.parseInt(flags, 16) % 2 === 1 });
        assert.equal(validTraceparent(text), text);
        assert.equal(traceparentOfBody(`{"traceparent" : "${text}", "responseId" : "a"}`), text);
      }),
    );
  });

  it("is ignored in any other form", () => {
    const invalid: unknown[] = [
      "",
      "x".repeat(100_000),
      `${VALID}-`,
      `${VALID}-extra`,
      ` ${VALID}`,
      `${VALID}\n`,
      `${VALID}, ${VALID}`,
      VALID.toUpperCase(),
      VALID.replaceAll("-", "_"),
      VALID.replace(/^00/, "01"),
      VALID.replace(/^00/, "ff"),
      VALID.replace(TRACE, "0".repeat(32)),
      VALID.replace(SPAN, "0".repeat(16)),
      VALID.replace("4bf9", "4bg9"),
      VALID.replace("4bf9", "４bf9"),
      VALID.slice(0, -1),
      [VALID],
      { toString: () => VALID },
      undefined,
      null,
      0,
    ];
    for (const value of invalid) assert.equal(validTraceparent(value), undefined, String(value).slice(0, 80));
  });

  it("is invalid if any character is changed so that the form is wrong", () => {
    fc.assert(
      fc.property(fc.nat(VALID.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        const changed = VALID.slice(0, at) + other + VALID.slice(at + 1);
        const isValid = validTraceparent(changed) !== undefined;
        assert.equal(isValid, /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(changed));
      }),
    );
  });

  it("is read from a response only if it is the body's first field", () => {
    for (const body of [
      `{"responseId" : "a", "labels" : {"traceparent" : "${VALID}"}}`,
      `{"traceparent" : "${VALID.toUpperCase()}"}`,
      `{"traceparent" : "`,
      "",
    ])
      assert.equal(traceparentOfBody(body), undefined, body);
  });
});
