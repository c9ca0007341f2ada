import assert from "node:assert/strict";
import Type from "typebox";
import { readSettings } from "../platform/settings.ts";
import { parseRequest } from "../requests/parse.ts";
import { JobError } from "./errors.ts";
import { problemsOf } from "./problems.ts";

const task = { type: "update", statement: "purge_prices", params: { before: "2000-01-01" } };
const unknownFields = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, 1]));
const problemFields = (request: object): unknown[] => {
  try {
    parseRequest(request, readSettings({}).jobs);
  } catch (error) {
    if (error instanceof JobError) return (error.details as { field: string }[]).map(({ field }) => field);
    throw error;
  }
  return [];
};

describe("the problems of a request", () => {
  for (const count of [1, 7, 8, 50])
    it(`are all reported if ${count} fields are unknown, together with other problems`, () => {
      const names = Object.keys(unknownFields(count));
      assert.deepEqual(
        problemFields({ requestId: "a", task, ...unknownFields(count), priority: 99 }).sort(),
        [...names, "priority"].sort(),
      );
      const inTask = names.map((name) => `task.${name}`);
      assert.deepEqual(problemFields({ requestId: "a", task: { ...task, ...unknownFields(count) } }), inTask);
    });

  it("include a time with a suffix, for example a time zone's name, which Date.parse cannot read", () => {
    const problems = (time: string) => problemsOf(Type.String({ format: "date-time" }), time).length;
    const times = ["2026-01-31T00:00:00Z", "2016-12-31t23:59:60z", "2026-01-31T00:00:00.5+23:59"];
    assert.deepEqual(times.map(problems), [0, 0, 0]);
    assert.deepEqual(["2026-01-31T00:00:00Z[UTC]", "2026-01-31T00:00:00Z[u-ca=hebrew]"].map(problems), [1, 1]);
  });
});
