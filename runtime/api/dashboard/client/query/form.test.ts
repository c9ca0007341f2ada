import assert from "node:assert/strict";
import { readSettings } from "../../../../platform/settings.ts";
import { allQueries, allStatements, describeQuery } from "../../../../queries/catalogue.ts";
import { PARAM_TYPES } from "../../../../queries/parameters.ts";
import { parseRequest } from "../../../../requests/parse.ts";
import type { Job } from "../types.ts";
import { FIELDS, formValuesOf, groupByField, labelProblem, parseFieldValue, placeholderOf, requestOf } from "./form.js";
import { summaryOf } from "./summary.js";

const EMPTY_FORM = { params: {}, format: "csv", compression: "none", requestId: "", priority: "4", labels: "" };

describe("the form of a named query", () => {
  it("has a field for every parameter type, and accepts its values", () => {
    assert.deepEqual(Object.keys(FIELDS).sort(), Object.keys(PARAM_TYPES).sort());
    const typed = {
      text: "a",
      date: "2026-01-31",
      integer: "12",
      number: "1.5",
      boolean: "true",
      "text[]": "a\n\n b ",
      place: "AEJEA",
    };
    for (const [type, text] of Object.entries(typed)) {
      const value = parseFieldValue(type as keyof typeof PARAM_TYPES, text);
      assert.ok(PARAM_TYPES[type as keyof typeof PARAM_TYPES].isValid(value), `${type}: ${JSON.stringify(value)}`);
    }
    assert.deepEqual(parseFieldValue("text[]", "a\n\n b "), ["a", "b"]);
    assert.equal(parseFieldValue("integer", " "), undefined);
    assert.equal(parseFieldValue("integer", "many"), "many");
  });

  it("produces a valid request for every query and statement", () => {
    const sample = {
      text: "AEJEA",
      place: "AEJEA",
      date: "2026-01-31",
      integer: "1",
      number: "1",
      boolean: "true",
      "text[]": "a",
    };
    const { jobs } = readSettings({});
    for (const query of [...allQueries(), ...allStatements()].map(describeQuery)) {
      const params = Object.fromEntries(query.params.map(({ name, type }) => [name, sample[type]]));
      const request = requestOf(query, {
        ...EMPTY_FORM,
        params,
        requestId: " a-1 ",
        priority: "7",
        labels: "team=a=b\n",
      });
      const parsed = parseRequest(request, jobs);
      assert.deepEqual([parsed.requestId, parsed.priority, parsed.labels], ["a-1", 7, { team: "a=b" }]);
      const bare = requestOf(query, { ...EMPTY_FORM, params: {} });
      assert.deepEqual((bare.task as { params: object }).params, {}, "empty fields are omitted");
    }
  });

  it("groups problems by field, and those of fields that are not in the form together", () => {
    const texts = groupByField(
      [
        { field: "task.params.day", message: "must be a date." },
        { field: "task.params.day", message: "is late." },
        { field: "labels", message: "are too many." },
      ],
      ["task.params.day"],
    );
    assert.equal(texts.get("task.params.day"), "must be a date. is late.");
    assert.equal(texts.get(""), "labels are too many.");
  });

  it("shows the default of an optional parameter as placeholder", () => {
    const param = { name: "a", type: "integer", description: "d" } as const;
    assert.equal(placeholderOf({ ...param, required: true, default: null }), "");
    assert.equal(placeholderOf({ ...param, required: false, default: null }), "not set");
    assert.equal(placeholderOf({ ...param, required: false, default: 3 }), "3");
  });

  it("starts with the values of an earlier job, under a new id and without a retry's label", () => {
    const [query] = allQueries().map(describeQuery);
    assert(query);
    const task = { type: "read", query: query.name, params: { date_from: "2026-01-01", gone: 1 }, format: "json" };
    const earlier = { requestId: "a", priority: 7, labels: { retryOf: "b", team: "x" }, task } as unknown as Job;
    const typed = formValuesOf(query, earlier);
    assert.deepEqual(typed, {
      params: { date_from: "2026-01-01" },
      format: "json",
      compression: "none",
      requestId: "",
      priority: "7",
      labels: "team=x",
    });
    assert.equal(formValuesOf(query, undefined).priority, "4");
  });

  it("names the first line of the labels that is not of the form key=value", () => {
    assert.equal(labelProblem("team=x\n\n empty= \nurl=a=b"), undefined);
    assert.equal(labelProblem("team=x\nnokey\n"), '"nokey" must be of the form key=value.');
    assert.match(labelProblem(" =x") ?? "", /^"=x" must be/);
  });

  it("summarizes the task of an earlier job in one line", () => {
    const params = { date_to: "2026-01-31", dest_code: "B", date_from: "2026-01-01", orig_code: "A", n: 3 };
    assert.equal(summaryOf({ type: "read", query: "q", params }), "A → B, 2026-01-01 to 2026-01-31, n 3");
    assert.equal(summaryOf({ type: "read", query: "q", params: { orig_code: "A" } }), "A → all");
    assert.equal(summaryOf({ type: "read", sql: "select\n  1" }), "select 1");
  });
});
