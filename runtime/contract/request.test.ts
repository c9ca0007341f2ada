import assert from "node:assert/strict";
import { canonical, parseRequest, type RequestRules } from "../requests/parse.ts";
import type { JobError, Problem } from "./errors.ts";
import { hashOf, responseIdOf } from "./request.ts";

const rules: RequestRules = {
  rawSql: false,
  timeoutSeconds: 900,
  maxTimeoutSeconds: 3600,
  urlHosts: ["data.example.com"],
};
const rates = {
  type: "read",
  query: "average_rates",
  params: { date_from: "2021-01-01", date_to: "2021-01-31", orig_code: "CNGGZ", dest_code: "EETLL" },
};
const parse = (task: unknown, rest: object = {}, allowed: Partial<RequestRules> = {}) =>
  parseRequest({ requestId: "a", task, ...rest }, { ...rules, ...allowed });

/** Problems of a request, as `field: message`. */
const problems = (value: unknown, allowed: Partial<RequestRules> = {}): string[] => {
  try {
    parseRequest(value, { ...rules, ...allowed });
  } catch (error) {
    assert.equal((error as JobError).code, "InvalidRequest");
    return ((error as JobError).details as Problem[]).map((problem) => `${problem.field}: ${problem.message}`);
  }
  return [];
};
const taskProblems = (task: unknown, allowed: Partial<RequestRules> = {}) =>
  problems({ requestId: "a", task }, allowed);

describe("a request", () => {
  it("has its defaults filled in", () => {
    assert.deepEqual(parse(rates), {
      requestId: "a",
      tenant: "default",
      priority: 4,
      labels: {},
      timeoutSeconds: 900,
      task: { ...rates, format: "csv", compression: "none" },
    });
    assert.deepEqual(parse({ type: "update", target: "prices", source: { inline: [{}] } }).task, {
      type: "update",
      target: "prices",
      mode: "append",
      source: { inline: [{}] },
      dryRun: false,
    });
  });

  it("is refused with all its problems, each with field and remedy", () => {
    assert.deepEqual(
      problems({
        requestId: "-a",
        tenant: "a b",
        priority: 12,
        labels: { k: 1 },
        timeoutSeconds: 99999,
        extra: 1,
        task: { ...rates, query: "average_rate", format: "xml", formt: 1 },
      }),
      [
        "extra: is not a known field. Known: requestId, reply, priority, tenant, labels, task, timeoutSeconds.",
        "requestId: must be letters, digits and . _ : - only, starting with a letter or digit, at most 128 characters.",
        "priority: must be at most 9.",
        "tenant: must be letters, digits and . _ - only, starting with a letter or digit, at most 64 characters.",
        "labels.k: must be of type string.",
        "timeoutSeconds: must be at most 3600, the stack's maximum.",
        "task.formt: is not a known field. Did you mean 'format'?",
        "task.format: must be one of: csv, ndjson, json.",
        "task.query: is not a query of this platform. Did you mean 'average_rates'?",
      ],
    );
  });

  it("is refused with the number of all problems and the first hundred of them", () => {
    const unknownFields = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`unknown${index}`, 1]));
    try {
      parseRequest({ requestId: "a", task: rates, priority: 99, ...unknownFields }, rules);
      assert.fail("the request was accepted");
    } catch (error) {
      const { message, details } = error as JobError;
      assert.match(message, /Problems: 5001,/);
      assert.equal(details.length, 101);
      assert.deepEqual(details.at(-1), { more: 4_901 });
    }
  });

  it("is refused with each missing field", () => {
    assert.deepEqual(problems({}), ["requestId: is missing.", "task: is missing."]);
    assert.deepEqual(taskProblems({}), ["task.type: is missing. It must be read or update."]);
    assert.deepEqual(taskProblems({ type: "read" }), ["task.query: is missing."]);
    assert.deepEqual(taskProblems({ type: "update" }), ["task.target: is missing.", "task.source: is missing."]);
  });

  for (const value of [null, [], "text", 7])
    it(`is refused when it is ${JSON.stringify(value)}`, () =>
      assert.deepEqual(problems(value), ["request: must be a JSON object."]));

  it("must have parameters of the types that its query declares", () => {
    const messages = taskProblems({
      ...rates,
      params: { ...rates.params, date_from: "2021-02-30", dest_code: 5, colour: "red" },
    });
    assert.equal(messages.length, 3);
    for (const [index, name] of ["colour", "date_from", "dest_code"].entries())
      assert.match(messages.sort()[index] ?? "", new RegExp(`^task\\.params\\.${name}: `));
  });

  it("may have raw SQL only if the stack allows it, and not together with a named query", () => {
    assert.deepEqual(taskProblems({ type: "read", sql: "select 1" }), [
      "task.sql: is not allowed in this stack. Use a named query; GET /queries lists them.",
    ]);
    assert.deepEqual(taskProblems({ type: "read", sql: "select 1" }, { rawSql: true }), []);
    assert.deepEqual(taskProblems({ type: "read", sql: "select 1", query: "x" }, { rawSql: true }), [
      "task: has both query and sql. Keep one.",
    ]);
  });

  it("must have exactly one source: inline, s3 or url", () => {
    const update = (source: unknown) => taskProblems({ type: "update", target: "prices", source });
    assert.deepEqual(update({ inline: [{}], s3: "s3://b/k" }), ["task.source: has inline and s3. Keep one."]);
    assert.deepEqual(update({ ftp: "x" }), ["task.source: must have one of: inline, s3, url."]);
    assert.deepEqual(update({ inline: [] }), ["task.source.inline: must not be empty."]);
    assert.deepEqual(update({ s3: "http://b/k" }), ["task.source.s3: must be of the form s3://bucket/key."]);
    assert.deepEqual(
      taskProblems({ type: "update", target: "prices", source: { inline: [{}] }, compression: "gzip" }).length,
      1,
      "no compression for inline",
    );
  });

  it("must have a URL over https, on an allowed host and without a password; errors never show its signature", () => {
    const update = (url: string) => taskProblems({ type: "update", target: "prices", source: { url } }).join();
    assert.equal(update("https://data.example.com/a.csv?signature=secret"), "");
    assert.equal(update("https://data.example.com:443/a.csv"), "");
    assert.match(update("https://data.example.com:8443/a.csv"), /names port 8443\. Leave it out/);
    assert.match(update("http://data.example.com/a.csv"), /begins with https/);
    assert.match(
      update("https://169.254.169.254/latest?token=secret"),
      /not on this stack's list \(data.example.com\)/,
    );
    assert.match(update("https://user:secret@data.example.com/"), /must not contain a user name or password/);
    for (const url of [
      "https://other.example/?signature=secret",
      "https://user:secret@data.example.com/",
      "http://data.example.com/?s=secret",
    ]) {
      assert.throws(
        () => parse({ type: "update", target: "prices", source: { url } }),
        (error: Error) => !JSON.stringify(error, Object.getOwnPropertyNames(error)).includes("secret"),
      );
    }
  });

  it("may have a named statement with its parameters", () => {
    assert.deepEqual(taskProblems({ type: "update", statement: "purge_prices", params: { before: "2021-01-15" } }), []);
    assert.match(taskProblems({ type: "update", statement: "purge", params: {} }).join(), /purge_prices/);
  });

  it("is refused if a label or its SQL contains a NUL", () => {
    assert.match(problems({ requestId: "a", task: rates, labels: { k: "x\0" } }).join(), /labels.k: contains a NUL/);
    assert.match(
      taskProblems({ type: "read", sql: "select '\0'" }, { rawSql: true }).join(),
      /task.sql: contains a NUL/,
    );
  });

  it("has the same hash as an equivalent request, and a different hash from one with another task", () => {
    const hash = (task: unknown) => hashOf(canonical(parse(task).task));
    assert.equal(
      hash(rates),
      hash({
        compression: "none",
        format: "csv",
        ...rates,
        params: Object.fromEntries(Object.entries(rates.params).reverse()),
      }),
    );
    assert.notEqual(hash(rates), hash({ ...rates, format: "json" }));
    const params = { date_from: "2021-01-01", date_to: "2021-01-31" };
    const coverage = { type: "read", query: "lane_coverage", params };
    assert.equal(hash(coverage), hash({ ...coverage, params: { ...params, dest_code: null } }), "null is the default");
    assert.notEqual(hash(coverage), hash({ ...coverage, params: { ...params, dest_code: "AEJEA" } }));
    assert.notEqual(responseIdOf("a", "b", "h"), responseIdOf("a.b", "", "h"));
  });
});
