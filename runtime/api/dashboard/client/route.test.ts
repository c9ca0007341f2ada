import assert from "node:assert/strict";
import { formatRoute, parseRoute } from "./route.js";

describe("where in the dashboard one is", () => {
  it("comes back out of its address", () => {
    const routes = [
      { page: "overview", text: "", status: "", type: "" },
      { page: "overview", text: "a b&c=%", status: "FAILED", type: "read" },
      { page: "job", tenant: "acme", requestId: "a.b:c-1" },
      { page: "submit" },
      { page: "submit", kind: "query", name: "average_rates" },
      { page: "letters" },
    ] as const;
    for (const route of routes) assert.deepEqual(parseRoute(formatRoute(route)), route);
  });
  it("is the overview where the address means nothing", () => {
    for (const hash of ["", "#", "#/", "#/jobs", "#/jobs/acme", "#/jobs/%ff/", "#/nothing"])
      assert.equal(parseRoute(hash).page, "overview", hash);
  });
});
