import assert from "node:assert/strict";
import { readSettings } from "../platform/settings.ts";
import { parseRequest } from "../requests/parse.ts";
import { JobError } from "./errors.ts";

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
});
