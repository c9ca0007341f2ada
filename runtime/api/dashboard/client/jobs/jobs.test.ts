import assert from "node:assert/strict";
import type { ListedJob } from "../types.ts";
import { groupByAction, isRetryable } from "./selection.js";
import { createdFrom } from "./times.js";

describe("the list of jobs", () => {
  it("converts an age to the earliest creation time, unless a range is given", () => {
    const now = Date.parse("2026-01-02T00:00:00Z");
    assert.deepEqual(createdFrom({ since: "24h", from: "" }, now), { from: "2026-01-01T00:00:00.000Z" });
    assert.deepEqual(createdFrom({ since: "15m", from: "" }, now), { from: "2026-01-01T23:45:00.000Z" });
    assert.deepEqual(createdFrom({ since: "24h", from: "2025-01-01T00:00:00Z" }, now), {});
    assert.deepEqual(createdFrom({ since: "ages", from: "" }, now), {});
  });

  it("groups selected jobs by their action, and retries only those that may succeed", () => {
    const job = (status: string, retryable?: boolean) =>
      ({
        requestId: "a",
        status,
        ...(retryable === undefined ? {} : { error: { retryable } }),
      }) as unknown as ListedJob;
    assert.deepEqual(
      [job("FAILED", true), job("FAILED", false), job("CANCELLED", false), job("SUCCEEDED")].map(isRetryable),
      [true, false, true, false],
    );
    const groups = groupByAction([
      job("PENDING"),
      job("IN_PROGRESS"),
      job("FAILED", true),
      job("FAILED", false),
      job("CANCELLED"),
    ]);
    assert.deepEqual(
      Object.values(groups).map((jobs) => jobs.length),
      [1, 1, 2, 1],
    );
  });
});
