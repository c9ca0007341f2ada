import assert from "node:assert/strict";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { syncTracking } from "../../dispatcher/syncTracking.ts";
import { backendOf } from "../../store/backend.ts";
import { claim, finish, runStarted } from "../../store/jobs.ts";
import { planRuns } from "../../store/runs.ts";
import { type ApiOfSuite, apiSuite } from "../../testing/api/suite.ts";
import { testPlan } from "../../testing/jobs.ts";

const read = { type: "read", sql: "select 1 as n", format: "json" };

describe("the jobs API", () => {
  let { p, acme } = {} as ApiOfSuite;
  let run = "";
  const { post, get, submit } = apiSuite((api) => {
    ({ p, acme } = api);
  });
  /** Lets a run claim the next job and end it with this result. */
  const end = async (result: string) => {
    const keeper = await p.role("job_keeper");
    if (run === "") {
      [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
      await runStarted(keeper, run);
    }
    const job = await claim(keeper, run, await backendOf(keeper), undefined);
    assert(job);
    await finish(keeper, job, { status: "SUCCEEDED", result, rows: 1, bytes: 1, peakMemoryBytes: 1 });
  };
  const deleteJobs = () => p.admin.query("delete from jobs.jobs");

  it("accepts a job, returns its location, and wakes the dispatcher", async () => {
    const response = await post("/jobs", { requestId: "first", task: read });
    assert.deepEqual(
      [response.statusCode, response.headers.location, response.json()],
      [202, "/jobs/first", { requestId: "first", tenant: "acme", status: "PENDING" }],
    );
    assert.equal((await p.receive(p.context.queues.wakeups)).length, 1);
    const document = (await get("/jobs/first")).json();
    assert.deepEqual([document.status, document.tenant, document.task.sql], ["PENDING", "acme", "select 1 as n"]);
  });

  it("generates a requestId if it is absent", async () => {
    assert.match((await post("/jobs", { task: read })).json().requestId, /^[0-9a-f-]{36}$/);
  });

  it("creates one job from five concurrent identical requests", async () => {
    const responses = await Promise.all(
      Array.from({ length: 5 }, () => post("/jobs", { requestId: "again", task: read })),
    );
    assert.deepEqual(responses.map(({ statusCode }) => statusCode).sort(), [200, 200, 200, 200, 202]);
    assert.equal(
      (await p.admin.query("select count(*)::int as n from jobs.jobs where request_id = 'again'")).rows[0].n,
      1,
    );
  });

  it("refuses another task under an existing requestId, and sends nothing to the queue", async () => {
    await submit("taken");
    const response = await post("/jobs", { requestId: "taken", task: { ...read, format: "csv" } });
    assert.deepEqual([response.statusCode, response.json().type], [409, "RequestIdConflict"]);
    assert.deepEqual(await p.receive(p.context.queues.tenants.acme ?? ""), []);
  });

  it("refuses an invalid request with all its problems", async () => {
    const response = await post("/jobs", {
      requestId: "bad",
      task: { type: "read", query: "avarage_rates" },
      priority: 10,
    });
    assert.equal(response.statusCode, 400);
    assert.deepEqual(
      response
        .json()
        .problems.map(({ field }: { field: string }) => field)
        .sort(),
      ["priority", "task.query"],
    );
    for (const body of ["{", "[]", "7", "null", ""]) {
      const broken = await post("/jobs", body, { ...acme, "content-type": "application/json" });
      assert.equal(broken.statusCode, 400, body);
      assert.match(broken.headers["content-type"] ?? "", /^application\/problem\+json/);
    }
    const deep = `{"requestId":"deep","task":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
    for (const url of ["/jobs", "/uploads"])
      assert.match((await post(url, deep, { ...acme, "content-type": "application/json" })).body, /nested deeper than/);
    assert.equal((await post("/jobs", { tenant: 7, task: read })).json().problems[0].field, "tenant");
    assert.equal((await post("/jobs", "x", { ...acme, "content-type": "text/plain" })).statusCode, 415);
    assert.equal(
      (await post("/jobs", { requestId: "big", task: { ...read, sql: "x".repeat(1_100_000) } })).statusCode,
      413,
    );
  });

  it("requires a token with the scope", async () => {
    for (const url of ["/jobs", "/jobs/first", "/jobs/first/result", "/queries"]) {
      const response = await get(url, {});
      assert.deepEqual(
        [response.statusCode, response.json().type, response.headers["www-authenticate"]],
        [401, "Unauthorized", 'Bearer realm="rates"'],
        url,
      );
    }
    assert.equal((await get("/jobs", { authorization: "Bearer rates_wrong" })).statusCode, 401);
    const reader = await p.as("acme", "read");
    assert.equal((await get("/queries", reader)).statusCode, 200);
    assert.deepEqual(
      (await post("/jobs", { task: read }, reader)).json().detail,
      "This token lacks the scope 'submit'.",
    );
    assert.equal((await post("/jobs/first/cancel", {}, reader)).statusCode, 403);
  });

  it("separates tenants: none can see, cancel, retry or submit for another, except an admin", async () => {
    await submit("mine");
    const other = await p.as("other");
    for (const url of ["/jobs/mine", "/jobs/mine/result", "/jobs/mine/response", "/jobs/mine/events"])
      assert.equal((await get(url, other)).statusCode, 404, url);
    assert.equal((await get("/jobs/mine?tenant=acme", other)).statusCode, 403);
    assert.equal((await get("/jobs?tenant=acme", other)).statusCode, 403);
    assert.equal((await post("/jobs/mine/cancel", {}, other)).statusCode, 404);
    assert.equal((await post("/jobs/mine/retry", {}, other)).statusCode, 404);
    assert.equal((await post("/jobs", { tenant: "acme", task: read }, other)).statusCode, 403);
    await syncTracking(p.context);
    assert.deepEqual((await get("/jobs", other)).json().jobs, []);
    const admin = await p.as("operations", "admin");
    assert.equal((await get("/jobs/mine?tenant=acme", admin)).statusCode, 200);
    assert.equal((await get("/jobs?text=mine", admin)).json().jobs.length, 1);
    const created = await post("/jobs", { tenant: "acme", requestId: "for-acme", task: read }, admin);
    assert.equal(
      (await get(String(created.headers.location), admin)).json().requestId,
      "for-acme",
      "found at Location",
    );
  });

  it("stores the reason of a cancellation without secrets in document, response, search and audit trail", async () => {
    await submit("unwanted");
    const reason = " wrong month: https://user:hunter2@example.com/a?X-Amz-Signature=abc ";
    assert.equal((await post("/jobs/unwanted/cancel", { reason })).statusCode, 200);
    assert.equal((await post("/jobs/unwanted/cancel", { reason: "another" })).statusCode, 200);
    const document = (await get("/jobs/unwanted")).json();
    assert.match(document.cancelReason, /^wrong month: \S/);
    assert.doesNotMatch(JSON.stringify(document), /hunter2|Signature=abc/);
    const message = `The job was cancelled on request. Reason: ${document.cancelReason}`;
    assert.deepEqual(
      [document.error.message, (await get("/jobs/unwanted/response")).json().error.message],
      [message, message],
    );
    const [last, first] = (await get("/audit?action=cancel")).json().entries;
    assert.deepEqual([first.detail, last.detail], [{ reason: document.cancelReason }, { reason: "another" }]);
    await syncTracking(p.context);
    assert.equal((await get("/jobs?text=month")).json().jobs.length, 1);
  });

  it("cancels without a reason, and refuses reasons that are too long or not text", async () => {
    await submit("plain");
    for (const [payload, field] of [
      [{ reason: "" }, "reason"],
      [{ reason: "x".repeat(501) }, "reason"],
      [{ reason: "a\nb" }, "reason"],
      [{ reason: "a\u009b31mb" }, "reason"],
      [{ reason: 1 }, "reason"],
      [{ why: "x" }, "why"],
    ] as const) {
      const response = await post("/jobs/plain/cancel", payload);
      assert.deepEqual([response.statusCode, response.json().problems?.[0].field], [400, field], response.body);
    }
    const [problem] = (await post("/jobs/plain/cancel", { reason: "a\tb" })).json().problems;
    assert.equal(problem.message, "must be text without control characters.");
    assert.equal((await post("/jobs/plain/cancel", { reason: "  " })).statusCode, 200);
    const { cancelReason, error } = (await get("/jobs/plain")).json();
    assert.deepEqual([cancelReason, error.message], [undefined, "The job was cancelled on request."]);
    await submit("long");
    assert.equal((await post("/jobs/long/cancel", { reason: "\u{1f600}".repeat(250) })).statusCode, 200);
    assert.equal((await get("/jobs/long")).json().cancelReason.length, 500);
  });

  it("finds jobs by words, status and label, in pages", async () => {
    for (let index = 0; index < 5; index++)
      assert.equal(
        (
          await post("/jobs", {
            requestId: `page-${index}`,
            task: read,
            labels: { batch: "seven", sum: `${index}=${index}` },
          })
        ).statusCode,
        202,
      );
    await syncTracking(p.context);
    const first = (await get("/jobs?label=batch%3Dseven&limit=3&order=asc")).json();
    const second = (await get(`/jobs?label=batch%3Dseven&limit=3&order=asc&cursor=${first.cursor}`)).json();
    assert.deepEqual(
      [...first.jobs, ...second.jobs].map((job) => job.requestId),
      ["page-0", "page-1", "page-2", "page-3", "page-4"],
    );
    assert.equal(second.cursor, undefined);
    assert.deepEqual(
      (await get("/jobs?text=page-4")).json().jobs.map((job: { requestId: string }) => job.requestId),
      ["page-4"],
    );
    assert.equal((await get("/jobs?status=FAILED")).json().jobs.length, 0);
    assert.equal((await get("/jobs?status=PENDING&label=batch%3Dseven")).json().jobs.length, 5);
    assert.deepEqual(
      (await get("/jobs?label=sum%3D3%3D3")).json().jobs.map((job: { requestId: string }) => job.requestId),
      ["page-3"],
    );
    const wrong = await get("/jobs?limit=0&statu=FAILED&cursor=!");
    assert.equal(wrong.statusCode, 400);
    assert.deepEqual(
      wrong
        .json()
        .problems.map(({ field }: { field: string }) => field)
        .sort(),
      ["cursor", "limit", "statu"],
    );
    const foreign = Buffer.from('["soon", "acme", "page-0"]').toString("base64url");
    const noDay = Buffer.from(JSON.stringify(["createdAt", "2026-02-30 07:57:00+00", "acme", "page-0"]));
    for (const query of [
      "cursor=abc",
      "cursor=e30",
      `cursor=${foreign}`,
      `cursor=${noDay.toString("base64url")}`,
      `sort=totalMs&cursor=${first.cursor}`,
    ]) {
      const refused = await get(`/jobs?${query}`);
      assert.deepEqual([refused.statusCode, refused.json().problems[0].field], [400, "cursor"], query);
    }
    assert.equal((await get("/jobs?label=k%3D%00&createdFrom=0000-01-01T00:00:00Z")).json().problems.length, 2);
    for (const time of ["2026-01-31", "2026-01-31T00:00:00Z[UTC]"])
      assert.match(
        (await get(`/jobs?createdFrom=${time}`)).json().problems[0].message,
        /must be an ISO 8601 time with/,
      );
    for (const time of ["0038-04-07T04:14:12.284207-17:15", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
      assert.equal(
        (await get(`/jobs?${new URLSearchParams({ createdTo: time, createdFrom: time })}`)).statusCode,
        200,
        time,
      );
    const since = async (createdFrom: string) =>
      (await get(`/jobs?label=batch%3Dseven&${new URLSearchParams({ createdFrom })}`)).json().jobs.length;
    assert.deepEqual([await since("2016-12-31T23:59:60Z"), await since("9998-01-01T00:00:00+01:00")], [5, 0]);
  });

  it("returns an inline result digit for digit, and reports a missing result", async () => {
    await deleteJobs();
    await submit("result");
    assert.deepEqual((await get("/jobs/result/result")).json().type, "NotFinished");
    await end('{"inline":[{"n":1.10}],"format":"json","rows":1}');
    const response = await get("/jobs/result/result");
    assert.deepEqual([response.statusCode, response.body], [200, '[{"n":1.10}]']);
    assert.match(response.headers["content-type"] ?? "", /^application\/json/);
    assert.equal((await get("/jobs/result/response")).json().status, "SUCCEEDED");
    assert.equal((await get("/jobs/none/result")).statusCode, 404);
  });

  it("redirects to a result in S3 with a presigned link", async () => {
    await deleteJobs();
    await submit("large");
    await end(
      '{"location":"s3://results/a/1/result.csv","format":"csv","compression":"none","rows":1,"bytes":4,"sha256":"x"}',
    );
    const response = await get("/jobs/large/result");
    assert.equal(response.statusCode, 302);
    assert.match(response.headers.location ?? "", /\/results\/a\/1\/result\.csv\?.*X-Amz-Signature=/);
    assert.match((await get("/jobs/large/result?redirect=false")).json().location, /X-Amz-Signature/);
    assert.doesNotMatch((await get("/jobs/large")).body, /X-Amz/);
  });

  it("uploads a file in parts, and lets only its tenant load it", async () => {
    const begun = await post("/uploads", { fileName: "a b.csv", bytes: 9 * 1024 * 1024 });
    assert.equal(begun.statusCode, 201);
    const { id, location, parts, partBytes } = begun.json();
    assert.deepEqual([parts.length, partBytes], [2, 8 * 1024 * 1024]);
    const etags = await Promise.all(
      [Buffer.alloc(partBytes, "a"), Buffer.from("b")].map(async (body, index) => {
        const put = await fetch(parts[index].url, { method: "PUT", body });
        assert.equal(put.status, 200);
        return { partNumber: index + 1, etag: put.headers.get("etag") };
      }),
    );
    const other = await p.as("other");
    assert.equal((await post(`/uploads/${id}/complete`, { parts: etags }, other)).statusCode, 404);
    // The parts may be listed in any order.
    const completed = await post(`/uploads/${id}/complete`, { parts: etags.toReversed() });
    assert.deepEqual(completed.json(), { location });
    const { Body } = await p.s3.send(
      new GetObjectCommand({ Bucket: "uploads", Key: location.slice("s3://uploads/".length), Range: "bytes=0-0" }),
    );
    assert.equal(await Body?.transformToString(), "a");
    const task = { type: "update", target: "prices", source: { s3: location } };
    assert.equal((await post("/jobs", { task }, other)).json().type, "SourceNotAllowed");
    assert.equal((await post("/jobs", { task })).statusCode, 202);
    assert.match(
      (await post("/jobs", { task: { ...task, source: { s3: `${location}x` } } })).json().detail,
      /NotFound|404/,
    );
  });

  it("responds to unknown and invalid paths with a problem", async () => {
    const response = await get("/nothing");
    assert.deepEqual([response.statusCode, response.json().type], [404, "NotFound"]);
    for (const path of ["/jobs/%ff", `/jobs/${"a".repeat(1_100)}`, "/jobs/%zz/result?x=1"]) {
      const broken = await get(path);
      assert.deepEqual([broken.statusCode, broken.json().type], [400, "InvalidRequest"]);
      assert.match(broken.headers["content-type"] ?? "", /^application\/problem\+json/);
      const [{ field, value, message }] = broken.json().problems;
      assert.deepEqual([field, value.slice(0, 6), value.includes("x=1")], ["path", "/jobs/", false]);
      assert(value.length <= 101 && message.length > 20, value);
    }
    assert.equal((await get("/healthz", {})).statusCode, 200);
    assert.equal((await get("/readyz", {})).statusCode, 200);
    const paths = Object.keys((await get("/openapi.json", {})).json().paths);
    for (const path of ["/rates", "/jobs", "/jobs/{id}", "/jobs/{id}/result", "/uploads"])
      assert(paths.includes(path), path);
  });
});
