import assert from "node:assert/strict";
import { formatRoute, isSamePage, parseRoute, titleOf } from "./route.js";

describe("where in the dashboard one is", () => {
  it("comes back out of its address", () => {
    const routes = [
      { page: "overview", text: "", status: "", type: "" },
      { page: "overview", text: "a b&c=%", status: "FAILED", type: "read" },
      { page: "job", tenant: "acme", requestId: "a.b:c-1" },
      { page: "submit" },
      { page: "submit", kind: "query", name: "average_rates" },
      { page: "letters" },
      { page: "sign-in", code: "rates_l_x-1" },
      { page: "signed-in", next: "#/jobs/acme/a" },
      { page: "sign-in-failed", error: "NoAccess" },
    ] as const;
    for (const route of routes) assert.deepEqual(parseRoute(formatRoute(route)), route);
  });
  it("is another page with another job, and the same one with another search or form", () => {
    const same = (one: string, other: string) => isSamePage(parseRoute(one), parseRoute(other));
    assert.ok(same("#/", "#/?text=a") && same("#/submit", "#/submit/query/a") && same("#/jobs/a/b", "#/jobs/a/b"));
    assert.ok(!same("#/", "#/jobs/a/b") && !same("#/jobs/a/b", "#/jobs/a/c") && !same("#/jobs/a/b", "#/jobs/c/b"));
  });
  it("is what the window is called by", () => {
    const titles = ["#/?text=a", "#/jobs/acme/a-1", "#/submit/query/a", "#/letters"].map(parseRoute).map(titleOf);
    assert.deepEqual(titles, [
      "Rates platform",
      "a-1 · Rates platform",
      "Submit a job · Rates platform",
      "Dead letters · Rates platform",
    ]);
  });
  it("is the overview where the address means nothing", () => {
    for (const hash of ["", "#", "#/", "#/jobs", "#/jobs/acme", "#/jobs/%ff/", "#/nothing"])
      assert.equal(parseRoute(hash).page, "overview", hash);
  });
});
