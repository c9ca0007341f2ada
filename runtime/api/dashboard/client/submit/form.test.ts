import assert from "node:assert/strict";
import { readSettings } from "../../../../platform/settings.ts";
import { allQueries, allStatements, describeQuery } from "../../../../queries/catalogue.ts";
import { PARAM_TYPES } from "../../../../queries/parameters.ts";
import { parseRequest } from "../../../../requests/parse.ts";
import { byField, FIELDS, placeholderOf, requestOf, typedValue } from "./form.js";

const TYPED = { params: {}, format: "csv", compression: "none", requestId: "", priority: "4", labels: "" };

describe("the form of a named query", () => {
  it("has a field for every type of parameter, and takes what each type takes", () => {
    assert.deepEqual(Object.keys(FIELDS).sort(), Object.keys(PARAM_TYPES).sort());
    const typed = {
      text: "a",
      date: "2026-01-31",
      integer: "12",
      number: "1.5",
      boolean: "true",
      "text[]": "a\n\n b ",
    };
    for (const [type, text] of Object.entries(typed)) {
      const value = typedValue(type as keyof typeof PARAM_TYPES, text);
      assert.ok(PARAM_TYPES[type as keyof typeof PARAM_TYPES].fits(value), `${type}: ${JSON.stringify(value)}`);
    }
    assert.deepEqual(typedValue("text[]", "a\n\n b "), ["a", "b"]);
    assert.equal(typedValue("integer", " "), undefined);
    assert.equal(typedValue("integer", "many"), "many");
  });

  it("makes a request that the platform takes, of every query and statement that there is", () => {
    const sample = { text: "AEJEA", date: "2026-01-31", integer: "1", number: "1", boolean: "true", "text[]": "a" };
    const { jobs } = readSettings({});
    for (const query of [...allQueries(), ...allStatements()].map(describeQuery)) {
      const params = Object.fromEntries(query.params.map(({ name, type }) => [name, sample[type]]));
      const request = requestOf(query, { ...TYPED, params, requestId: " a-1 ", priority: "7", labels: "team=a=b\n" });
      const parsed = parseRequest(request, jobs);
      assert.deepEqual([parsed.requestId, parsed.priority, parsed.labels], ["a-1", 7, { team: "a=b" }]);
      const bare = requestOf(query, { ...TYPED, params: {} });
      assert.deepEqual((bare.task as { params: object }).params, {}, "what is not typed is left out");
    }
  });

  it("puts each problem beside its field, and the others on top", () => {
    const found = byField(
      [
        { field: "task.params.day", message: "must be a date." },
        { field: "task.params.day", message: "is late." },
        { field: "labels", message: "are too many." },
      ],
      ["task.params.day"],
    );
    assert.equal(found.get("task.params.day"), "must be a date. is late.");
    assert.equal(found.get(""), "labels are too many.");
  });

  it("says what an empty field counts as", () => {
    const param = { name: "a", type: "integer", description: "d" } as const;
    assert.equal(placeholderOf({ ...param, required: true, default: null }), "");
    assert.equal(placeholderOf({ ...param, required: false, default: null }), "left out");
    assert.equal(placeholderOf({ ...param, required: false, default: 3 }), "3");
  });
});
