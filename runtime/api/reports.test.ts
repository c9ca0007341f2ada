import assert from "node:assert/strict";
import { populatedApi } from "../testing/api/populatedApi.ts";

describe("GET /jobs/{id}/report", () => {
  let p: Awaited<ReturnType<typeof populatedApi>>;
  before(async () => {
    p = await populatedApi();
  });
  after(() => p.close());
  const get = (id: string, query = "") => p.app.inject({ url: `/jobs/${id}/report${query}`, headers: p.acme });

  it("has the bad rows of a batch as CSV, generated from the error's details if those are complete", async () => {
    const { statusCode, headers, body } = await get("failed");
    assert.deepEqual([statusCode, headers["content-type"]], [200, "text/csv; charset=utf-8"]);
    assert.equal(body, "line,column,value,reason\n2,price,secret-of-acme,must be a whole number above 0\n");
    assert.equal(headers["content-disposition"], 'attachment; filename="failed.report.csv"');
  });

  it("is the stored file if the error lists only some of the bad rows, streamed or as a link", async () => {
    assert.equal((await get("refused", "?delivery=stream")).body, "line,column,value,reason\n2,price,0,no\n");
    const { location } = (await get("refused", "?delivery=link")).json();
    assert.equal(await (await fetch(location)).text(), "line,column,value,reason\n2,price,0,no\n");
  });

  it("is named in the refusal of a range or a media type that it does not have", async () => {
    const detail = async (query: string, headers: Record<string, string>) => {
      const url = `/jobs/refused/report${query}`;
      return (await p.app.inject({ url, headers: { ...p.acme, ...headers } })).json().detail;
    };
    assert.match(
      await detail("?delivery=stream", { range: "bytes=9999-" }),
      /is outside the report, which has \d+ bytes/,
    );
    assert.match(await detail("", { accept: "image/png" }), /^This report cannot be sent .* Accept text\/csv[^;]*\.$/);
  });

  it("quotes empty values and those with commas, quotes or line breaks, and leaves missing ones empty", async () => {
    const details = [
      { line: 1, column: null, value: 'a,"b"\nc', reason: "is no row" },
      { line: 2, column: "price", value: "", reason: "is missing" },
      { line: 3, column: "day", value: null, reason: "is missing" },
    ];
    await p.admin.query("update jobs.jobs set error = jsonb_set(error, '{details}', $1) where request_id = 'failed'", [
      JSON.stringify(details),
    ]);
    assert.equal(
      (await get("failed")).body,
      'line,column,value,reason\n1,,"a,""b""\nc",is no row\n2,price,"",is missing\n3,day,,is missing\n',
    );
  });

  it("escapes cells that a spreadsheet would run as a formula", async () => {
    const values = ["=1+1", "+cmd|x", "-2+3", "@SUM(1)", "\uFF1D1", "-5", "+7", "-1.5", "x=1", "", null];
    const details = values.map((value, index) => ({ line: index + 1, column: "=A1", value, reason: "is bad" }));
    await p.admin.query("update jobs.jobs set error = jsonb_set(error, '{details}', $1) where request_id = 'failed'", [
      JSON.stringify(details),
    ]);
    const cells = (await get("failed")).body
      .split("\n")
      .slice(1, -1)
      .map((line) => line.split(",").slice(1, 3));
    assert.deepEqual(
      cells,
      ["'=1+1", "'+cmd|x", "'-2+3", "'@SUM(1)", "'\uFF1D1", "-5", "+7", "-1.5", "x=1", '""', ""].map((value) => [
        "'=A1",
        value,
      ]),
    );
  });

  it("reports the job's state if there is no report", async () => {
    const { statusCode, body } = await get("ended");
    assert.equal(statusCode, 409);
    assert.match(JSON.parse(body).detail, /'ended' has no report of bad rows; its status is SUCCEEDED\./);
    const cancelled = JSON.parse((await get("cancelled")).body);
    assert.match(cancelled.detail, /'cancelled' has no report of bad rows; its status is CANCELLED \(Cancelled\)\./);
  });
});
