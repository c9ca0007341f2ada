import assert from "node:assert/strict";
import { ALL_JOBS, formatRoute, isSamePage, jobsAddress, parseRoute, titleOf } from "./route.js";

describe("the address of a page of the dashboard", () => {
  it("is parsed into the route that it was formatted from", () => {
    const routes = [
      { page: "overview", over: "1h", from: "", to: "" },
      { page: "overview", over: "24h", from: "", to: "" },
      { page: "overview", over: "1h", from: "2026-01-01T00:00:00.000Z", to: "2026-01-02T00:00:00.000Z" },
      { page: "jobs", filter: ALL_JOBS },
      { page: "jobs", filter: { ...ALL_JOBS, text: "a b&c=%", status: "FAILED", type: "read", label: "team=a=b" } },
      { page: "job", tenant: "acme", requestId: "a.b:c-1" },
      { page: "rejected", tenant: "acme", id: "0123456789abcdef0123456789abcdef" },
      { page: "query", kind: "", name: "", again: "" },
      { page: "query", kind: "query", name: "average_rates", again: "acme/a-1" },
      { page: "query", kind: "sql", name: "", again: "" },
      { page: "load", again: "acme/a-1" },
      { page: "dead-letters" },
      { page: "usage", month: "" },
      { page: "usage", month: "2026-01" },
      { page: "tokens" },
      { page: "audit", text: "a b", action: "cancel" },
      { page: "sign-in", code: "rates_l_x-1" },
      { page: "signed-in", next: "#/jobs/acme/a" },
      { page: "sign-in-failed", error: "NoAccess" },
    ] as const;
    for (const route of routes) assert.deepEqual(parseRoute(formatRoute(route)), route);
  });
  it("leads to another page for another job, and to the same page for another search or form", () => {
    const same = (before: string, after: string) => isSamePage(parseRoute(before), parseRoute(after));
    assert.ok(same("#/", "#/?over=24h") && same("#/jobs", "#/jobs?text=a") && same("#/query", "#/query/query/a"));
    assert.ok(same("#/jobs/a/b", "#/jobs/a/b"));
    assert.ok(!same("#/", "#/jobs") && !same("#/jobs", "#/jobs/a/b"));
    assert.ok(!same("#/jobs/a/b", "#/jobs/a/c") && !same("#/jobs/a/b", "#/jobs/c/b"));
  });
  it("determines the window's title", () => {
    const titles = ["#/?over=6h", "#/jobs", "#/jobs/acme/a-1", "#/query/query/a", "#/query", "#/dead-letters"];
    assert.deepEqual(titles.map(parseRoute).map(titleOf), [
      "Rates platform",
      "Jobs · Rates platform",
      "a-1 · Rates platform",
      "a · Rates platform",
      "Query · Rates platform",
      "Dead letters · Rates platform",
    ]);
  });
  it("is the overview of the last hour if it is empty or has an invalid range", () => {
    for (const hash of ["", "#", "#/", "#/?over=year", "#/?from=x&to=y"])
      assert.deepEqual(parseRoute(hash), { page: "overview", over: "1h", from: "", to: "" }, hash);
    assert.equal(parseRoute("#/jobs/%ff/a").page, "job");
  });
  it("is the usage of the current month if it has an invalid month", () => {
    for (const hash of ["#/usage", "#/usage?month=", "#/usage?month=2026-13", "#/usage?month=2026-01-01"])
      assert.deepEqual(parseRoute(hash), { page: "usage", month: "" }, hash);
  });
  it("is not found if there is no such page", () => {
    for (const hash of ["#/jobs/acme", "#/rejected/acme", "#/sign-in", "#/nothing", "#/nothing/else?over=1h"])
      assert.equal(parseRoute(hash).page, "not-found", hash);
  });
  it("contains only filters that are set", () => {
    assert.equal(jobsAddress({ status: "FAILED" }), "#/jobs?status=FAILED");
    assert.equal(jobsAddress({}), "#/jobs");
  });
});
