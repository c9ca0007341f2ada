import assert from "node:assert/strict";
import { parseRequest, type RequestRules } from "../requests/parse.ts";
import type { JobError } from "./errors.ts";
import { invalidRequest, ProblemList, redactAndTruncate } from "./problemList.ts";

const rules: RequestRules = { rawSql: true, timeoutSeconds: 900, maxTimeoutSeconds: 3600, urlHosts: [] };
const long = "x".repeat(1_000_000);
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));
const inline = (items: unknown[]) => ({
  requestId: "a",
  task: { type: "update", target: "prices", source: { inline: items } },
});
const read = (more: object) => ({ requestId: "a", task: { type: "read", query: "price_export", ...more } });
const nested = (levels: number) => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

/** Requests with many problems or with long texts in invalid fields, and the number of problems of each. */
const HOSTILE: Record<string, [request: unknown, problems: number]> = {
  "500,000 numbers in place of rows": [inline(new Array(500_000).fill(1)), 500_000],
  "340,000 rows without a column": [inline(new Array(340_000).fill({})), 1],
  "2,000 texts that cannot be stored": [inline(new Array(2_000).fill({ a: "\ud800" })), 2_000],
  "a label whose name has a million letters": [{ ...read({}), labels: { [long]: "v" } }, 2],
  "a label whose value has a million letters": [{ ...read({}), labels: { k: long } }, 2],
  "9,000 labels": [{ ...read({}), labels: keys(9_000) }, 2],
  "90,000 fields": [{ ...read({}), ...keys(90_000) }, 1],
  "9,000 unknown fields": [{ ...read({}), ...keys(9_000) }, 9_000],
  "an unknown field with a name and a value of a million letters": [read({ [long]: long }), 1],
  "a parameter with a name and a value of a million letters": [read({ params: { [long]: long } }), 2],
  "a query with a name of a million letters": [read({ query: long }), 2],
  "an SQL text of a million letters": [{ requestId: "a", task: { type: "read", sql: long } }, 2],
  "a request id of 900,000 characters": [{ ...read({}), requestId: "://".repeat(300_000) }, 1],
  "a task that is a list of a million letters": [{ requestId: "a", task: [long, long] }, 1],
  "100,000 levels": [{ requestId: "a", task: nested(100_000) }, 1],
  "column names of 65 letters": [inline(new Array(500).fill({ ["y".repeat(65)]: 1 })), 500],
  "a row of 65 columns": [inline([keys(65)]), 1],
};

const errorOf = (request: unknown): JobError => {
  try {
    parseRequest(request, rules);
  } catch (error) {
    return error as JobError;
  }
  throw new Error("it was accepted");
};

describe("a list of problems", () => {
  for (const [name, [request, count]] of Object.entries(HOSTILE))
    it(`is bounded for ${name}`, () => {
      const { code, details, message } = errorOf(request);
      assert.equal(code, "InvalidRequest");
      assert.match(message, new RegExp(`Problems: ${count},`));
      const further = (details.at(-1) as { more?: number }).more ?? 0;
      const listed = details.length - (further > 0 ? 1 : 0);
      assert.ok(listed <= 100 && listed + further === count, `${listed} and ${further}`);
      assert.ok(Buffer.byteLength(JSON.stringify(details)) <= 25_000);
      for (const problem of details as Record<string, unknown>[])
        for (const text of Object.values(problem)) assert.ok(typeof text !== "string" || text.length <= 500);
    });

  it("does not describe the problems that are only counted", () => {
    const problems = new ProblemList();
    let described = 0;
    for (let index = 0; index < 500_000; index++)
      problems.add(() => {
        described++;
        return { field: "f", message: "is wrong." };
      });
    assert.deepEqual([problems.length, problems.unlisted, described], [100, 499_900, 100]);
  });

  it("is bounded in bytes too", () => {
    const problems = Array.from({ length: 100 }, () => ({ field: long, value: "é".repeat(100), message: long }));
    const { details } = invalidRequest(problems);
    assert.ok(Buffer.byteLength(JSON.stringify(details)) <= 25_000);
    const { more } = details.at(-1) as { more: number };
    assert.equal(details.length - 1 + more, 100);
  });

  it("shows only the beginning of a value's JSON, for any size", () => {
    assert.equal(redactAndTruncate({ a: [1, "b", null, { c: true }] }), '{"a":[1,"b",null,{"c":true}]}');
    assert.equal(String(redactAndTruncate(new Array(1_000_000).fill(1))).length, 100);
    assert.equal(String(redactAndTruncate(nested(100_000))).length <= 100, true);
    assert.equal(redactAndTruncate("a\0\ud800b"), "a\uFFFD\uFFFDb");
  });

  it("shows invisible characters of a value and a message as escapes", () => {
    const { details } = invalidRequest([
      { field: "a", value: "AEJEA\u00a0", message: "is near \u200b." },
      { field: "b", value: "select\n\t1", message: "is wrong." },
    ]);
    assert.deepEqual(details, [
      { field: "a", value: "AEJEA\\u00A0", message: "is near \\u200B." },
      { field: "b", value: "select\n\t1", message: "is wrong." },
    ]);
  });
});
