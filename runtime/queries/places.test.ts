import assert from "node:assert/strict";
import { handleRequests } from "../dispatcher/requests.ts";
import { syncTracking } from "../dispatcher/syncTracking.ts";
import { testApi } from "../testing/api/api.ts";
import { sqsEvent } from "../testing/dispatcher.ts";

describe("places and ranges of named queries", () => {
  let api: Awaited<ReturnType<typeof testApi>>;
  before(async () => {
    api = await testApi();
    await api.admin.query(`
      insert into regions (slug, name) values ('northern_europe', 'Northern Europe');
      insert into ports (code, name, parent_slug) values ('NLRTM', 'Rotterdam', 'northern_europe'), ('ITSPE', 'La Spezia', 'northern_europe'),
        ('ITSAL', 'Salerno', 'northern_europe'), ('CNSHA', 'Shanghai', 'northern_europe')`);
  });
  after(() => api.close());

  const DAYS = { date_from: "2021-01-01", date_to: "2021-01-31" };
  const post = async (url: string, params: object, query = "average_rates", envelope: object = {}) => {
    const payload = { task: { type: "read", query, params }, ...envelope };
    return api.app.inject({ method: "POST", url, payload, headers: await api.as("acme") });
  };
  const problemOf = async (params: object, query?: string) => {
    const { body } = await post("/jobs", params, query);
    return JSON.parse(body).problems?.[0];
  };

  it("refuse an unknown place, and suggest near ones by code, name and prefix, ignoring case", async () => {
    for (const [orig_code, near] of [
      ["NLRTX", /^is not a known place\. Did you mean NLRTM \(Rotterdam\)\?/],
      ["nlrtm", /NLRTM \(Rotterdam\)/],
      ["Roterdam", /NLRTM \(Rotterdam\)/],
      ["ITSPL", /ITSPE \(La Spezia\).* or ITSAL \(Salerno\)|ITSAL \(Salerno\) or ITSPE \(La Spezia\)/],
      ["northern", /northern_europe \(Northern Europe\)/],
      ["nowhere at all", /^is not a known port code or region slug\. `rates places TEXT`/],
      ["", /must be|is not a known/],
    ] as const) {
      const { field, value, message } = await problemOf({ ...DAYS, orig_code, dest_code: "CNSHA" });
      assert.deepEqual([field, value], ["task.params.orig_code", orig_code]);
      assert.match(message, near);
    }
  });

  it("report unknown places together with the problems of all other fields, over HTTP and from the queue", async () => {
    const params = { orig_code: "NLRTX", dest_code: "a\0b", date_to: "soon" };
    for (const url of ["/jobs", "/explain"]) {
      const { statusCode, body } = await post(url, params, "average_rates", { requestId: "not an id", labels: 1 });
      assert.equal(statusCode, 400, body);
      const { problems } = JSON.parse(body) as { problems: { field: string }[] };
      const fields = [
        "labels",
        "requestId",
        ...["date_from", "date_to", "dest_code", "orig_code"].map((name) => `task.params.${name}`),
      ];
      assert.deepEqual([...new Set(problems.map(({ field }) => field))].sort(), fields, url);
    }
    const task = { type: "read", query: "average_rates", params: { ...params, dest_code: "CNSHA" } };
    await handleRequests(api.context, sqsEvent(JSON.stringify({ requestId: "all-at-once", task })));
    const [response] = await api.receive(api.context.queues.responses);
    assert.match(String(response?.Body), /task\.params\.orig_code.*NLRTM \(Rotterdam\)/);
    assert.match(String(response?.Body), /task\.params\.date_from/);
  });

  it("refuse an unknown place in every named query, over HTTP and from the queue, and accept ports, regions and null", async () => {
    for (const query of ["average_rates", "price_history", "lane_coverage", "price_export"]) {
      const params = query === "price_export" || query === "price_history" ? {} : DAYS;
      const places = { orig_code: "NLRTM", dest_code: "CNSHX" };
      for (const url of ["/jobs", "/explain"]) {
        const { statusCode, body } = await post(url, { ...params, ...places }, query);
        assert.equal(statusCode, 400, query);
        assert.match(body, /task\.params\.dest_code.*CNSHA \(Shanghai\)/);
      }
      const known = { ...params, orig_code: "northern_europe", dest_code: "CNSHA" };
      assert.equal((await post("/jobs", known, query)).statusCode, 202, query);
    }
    assert.equal((await post("/jobs", { orig_code: null }, "price_export")).statusCode, 202);
    const params = { ...DAYS, orig_code: "NLRTX", dest_code: "CNSHA" };
    const message = { requestId: "by-queue", task: { type: "read", query: "average_rates", params } };
    await handleRequests(api.context, sqsEvent(JSON.stringify(message)));
    const [response] = await api.receive(api.context.queues.responses);
    assert.match(response?.Body ?? "", /"FAILED".*NLRTM \(Rotterdam\)/);
  });

  it("accept a repeat although the place was deleted", async () => {
    await api.admin.query("insert into ports (code, name, parent_slug) values ('GONEX', 'Gone', 'northern_europe')");
    const params = { ...DAYS, orig_code: "GONEX", dest_code: "CNSHA" };
    const envelope = { requestId: "repeat" };
    assert.equal((await post("/jobs", params, "average_rates", envelope)).statusCode, 202);
    await api.admin.query("delete from ports where code = 'GONEX'");
    assert.equal((await post("/jobs", params, "average_rates", envelope)).statusCode, 200);
    assert.equal((await post("/jobs", params)).statusCode, 400);
  });

  it("refuse a range that ends before it begins, also in lists of jobs, audit entries and rejected requests", async () => {
    const { field, message } = await problemOf({
      ...DAYS,
      date_to: "2020-12-31",
      orig_code: "NLRTM",
      dest_code: "CNSHA",
    });
    assert.deepEqual([field, message], ["task.params.date_to", "must not be before date_from (2021-01-01)."]);
    assert.equal((await problemOf({ date_from: "2021-01-02", date_to: "2021-01-01" }, "price_export")).field, field);
    await syncTracking(api.context);
    const headers = await api.as("acme");
    for (const url of [
      "/jobs?createdFrom=2021-01-02T00:00:00Z&createdTo=2021-01-01T00:00:00Z",
      "/audit?since=2021-01-02T00:00:00Z&until=2021-01-01T00:00:00Z",
      "/rejected?since=2021-01-02T00:00:00Z&until=2021-01-01T00:00:00Z",
    ]) {
      const { statusCode, body } = await api.app.inject({ url, headers });
      assert.equal(statusCode, 400, url);
      assert.match(body, /must not be before/);
    }
    assert.equal(
      (await api.app.inject({ url: "/jobs?createdFrom=2021-01-01T00:00:00Z&createdTo=2021-01-01T00:00:00Z", headers }))
        .statusCode,
      200,
    );
  });
});
