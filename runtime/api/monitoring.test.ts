import assert from "node:assert/strict";
import { mock } from "node:test";
import { type GetObjectCommandInput, PutObjectCommand } from "@aws-sdk/client-s3";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { BOUNDS } from "../contract/bounds.ts";
import { THRESHOLDS } from "../monitoring/bottleneck.ts";
import { backendOf } from "../store/backend.ts";
import { claim, finish, runStarted } from "../store/jobs.ts";
import { planRuns } from "../store/runs.ts";
import { testApi } from "../testing/api/api.ts";
import { testPlan } from "../testing/jobs.ts";

const read = { type: "read", sql: "select 1 as n", format: "csv" };

describe("the API's view of the platform", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let acme: { authorization: string };
  let admin: Record<string, string>;
  beforeEach(async () => {
    p = await testApi({ runners: { glue: { slots: 1 }, ec2: { slots: 1 } } });
    acme = await p.as("acme");
    admin = await p.as("acme", "admin");
  });
  afterEach(() => p.close());

  const get = async (url: string, headers: Record<string, string> = acme) => p.app.inject({ url, headers });
  const submit = (requestId: string, task: object = read, headers = acme) =>
    p.app.inject({ method: "POST", url: "/jobs", headers, payload: { requestId, task } });
  /** Claims the next job, and ends it if a result is given. */
  const claimNext = async (result?: object) => {
    const keeper = await p.role("job_keeper");
    const [run = ""] = await planRuns(p.context.db, testPlan("glue", 1));
    await runStarted(keeper, run);
    const job = await claim(keeper, run, await backendOf(keeper), undefined);
    assert(job);
    if (result === undefined) return;
    const ending = { status: "SUCCEEDED", result: JSON.stringify(result), rows: 2, peakMemoryBytes: 1 } as const;
    await finish(keeper, job, { ...ending, bytes: 9 });
  };

  describe("GET /stats/figures", () => {
    it("returns the caller, the state of the platform and the bottleneck", async () => {
      await submit("a");
      await submit("b");
      await claimNext();
      await p.admin.query("update jobs.jobs set created_at = created_at - interval '1 hour' where status = 'PENDING'");
      const { caller, runners, bottleneck, activity, database, platform } = (await get("/stats/figures", admin)).json();
      assert.deepEqual(caller, { tenant: "acme", scopes: ["admin"] });
      assert.deepEqual([runners.glue.waiting, runners.glue.working, runners.glue.slots], [1, 1, 1]);
      assert.deepEqual([bottleneck.level, bottleneck.raise], ["bound", "runners.glue.maxRuns"]);
      assert.equal(activity.steps.length, 60);
      assert.ok(database.maxConnections > 0 && platform.documentsBehind >= 2);
      const stats = (await get("/stats", admin)).json();
      assert.deepEqual(stats.bottleneck, bottleneck);
      assert.deepEqual(stats.capacity, {
        glue: { running: 1, working: 1, slots: 1 },
        ec2: { running: 0, working: 0, slots: 1 },
      });
      assert.equal(typeof stats.byStatus, "object");
    });

    it("shows the state of the platform to admins only", async () => {
      await submit("a");
      assert.deepEqual(Object.keys((await get("/stats/figures")).json()).sort(), ["activity", "caller"]);
      assert.deepEqual(Object.keys((await get("/stats")).json()).sort(), [
        "byErrorType",
        "byStatus",
        "percentiles",
        "total",
      ]);
    });

    it("shows a tenant its own jobs, and an admin those of all tenants", async () => {
      await submit("a");
      await claimNext({ inline: "n\n1\n", format: "csv", rows: 1 });
      const succeeded = async (headers: Record<string, string>) =>
        (await get("/stats/figures", headers)).json().activity.ended.succeeded;
      assert.equal(await succeeded(acme), 1);
      assert.equal(await succeeded(await p.as("other")), 0);
      assert.equal(await succeeded(await p.as("other", "admin")), 1);
    });

    it("counts messages waiting in the queue, and covers a day on request", async () => {
      const { requests } = p.context.queues;
      await p.context.sqs.send(new SendMessageCommand({ QueueUrl: requests, MessageBody: "{}" }));
      const { queues, activity } = (await get("/stats/figures?over=24h", admin)).json();
      assert.deepEqual(queues, { requests: 1, deadLetters: 0 });
      assert.deepEqual([activity.steps.length, activity.stepSeconds], [48, 1_800]);
    });

    it("returns the bottleneck of GET /stats for any range", async () => {
      const { pointers } = THRESHOLDS;
      for (let n = 1; n <= pointers; n++) await submit(`a${n}`);
      const result = { location: "s3://results/a.csv", format: "csv", rows: 2, bytes: BOUNDS.inlineBytes };
      await p.admin.query(
        "update jobs.jobs set status = 'SUCCEEDED', finished_at = now() - interval '2 hours', result = $1",
        [result],
      );
      const { bottleneck } = (await get("/stats", admin)).json();
      for (const over of ["15m", "1h", "6h", "24h"]) {
        const figures = (await get(`/stats/figures?over=${over}`, admin)).json();
        assert.deepEqual(figures.bottleneck, bottleneck, over);
        assert.equal(figures.activity.results.byPointer, over === "6h" || over === "24h" ? pointers : 0, over);
      }
    });

    it("requires a token with the scope read, and refuses unknown parameters", async () => {
      assert.equal((await get("/stats/figures", {})).statusCode, 401);
      assert.equal((await get("/stats/figures", await p.as("acme", "submit"))).statusCode, 403);
      assert.equal((await get("/stats/figures?over=year")).statusCode, 400);
    });

    it("accepts a range of at most a week, divides it into round steps, and excludes later jobs", async () => {
      await submit("a");
      await claimNext({ inline: "n\n1\n", format: "csv", rows: 1 });
      await p.admin.query("update jobs.jobs set finished_at = '2026-01-02T10:00:30Z' where request_id = 'a'");
      const figures = async (from: string, to: string) => (await get(`/stats/figures?from=${from}&to=${to}`)).json();
      const { activity } = await figures("2026-01-02T09:00:00Z", "2026-01-02T11:00:00Z");
      assert.deepEqual([activity.stepSeconds, activity.steps.length], [300, 24]);
      assert.equal(activity.ended.succeeded, 1);
      assert.equal((await figures("2026-01-02T09:00:00Z", "2026-01-02T10:00:00Z")).activity.ended.succeeded, 0);
      const week = await figures("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z");
      assert.deepEqual([week.activity.stepSeconds, week.activity.steps.length], [7_200, 84]);
      const refused = async (query: string) => (await get(`/stats/figures?${query}`)).json().problems;
      assert.deepEqual(await refused("from=2026-01-02T09:00:00Z"), [
        { field: "to", message: "is required: give both from and to." },
      ]);
      const [{ message }] = await refused("from=2026-01-02T09:00:00Z&to=2026-01-02T09:00:00Z");
      assert.equal(message, "must be after from.");
      const [{ field }] = await refused("from=2026-01-01T00:00:00Z&to=2026-01-08T00:00:01Z");
      assert.equal(field, "from");
      const leapSecond = await figures("2016-12-31T23:00:00Z", "2016-12-31T23:59:60Z");
      assert.deepEqual([leapSecond.activity?.stepSeconds, leapSecond.activity?.steps.length], [60, 60]);
    });
  });

  describe("GET /jobs/{id}/timeline", () => {
    it("returns the phases of a job", async () => {
      await submit("a");
      await claimNext({ inline: "n\n1\n", format: "csv", rows: 1 });
      const { phases } = (await get("/jobs/a/timeline")).json();
      assert.deepEqual(
        phases.map(({ phase }: { phase: string }) => phase),
        ["waiting", "starting", "running", "responding"],
      );
      assert.deepEqual([phases[2].attempt, phases[2].runner, phases[2].outcome], [1, "glue", "SUCCEEDED"]);
      assert.equal(phases[3].to, undefined);
    });

    it("is hidden from other tenants", async () => {
      await submit("a");
      assert.equal((await get("/jobs/a/timeline", await p.as("other"))).statusCode, 404);
      assert.equal((await get("/jobs/a/timeline?tenant=acme", await p.as("other"))).statusCode, 403);
      assert.equal((await get("/jobs/a/timeline?tenant=acme", await p.as("other", "admin"))).statusCode, 200);
    });
  });

  describe("GET /jobs/{id}/preview", () => {
    it("returns the first rows of an inline result", async () => {
      await submit("a");
      await claimNext({ inline: "n,m\n1,\n2,x\n", format: "csv", rows: 2 });
      assert.deepEqual((await get("/jobs/a/preview?rows=1")).json(), {
        columns: ["n", "m"],
        rows: [["1", null]],
        more: true,
      });
    });

    it("returns the first rows of a result in S3, reading only its beginning", async () => {
      const text = `n\n${Array.from({ length: 50_000 }, (_, n) => n).join("\n")}\n`;
      await p.s3.send(new PutObjectCommand({ Bucket: "results", Key: "a.csv", Body: text }));
      await submit("a");
      await claimNext({ location: "s3://results/a.csv", format: "csv", rows: 50_000, bytes: text.length });
      const send = mock.method(p.s3, "send");
      const { rows, more } = (await get("/jobs/a/preview?rows=3")).json();
      assert.deepEqual([rows, more], [[["0"], ["1"], ["2"]], true]);
      const ranges = send.mock.calls.map(({ arguments: [{ input }] }) => (input as GetObjectCommandInput).Range);
      assert.deepEqual(ranges, ["bytes=0-262143"]);
    });

    it("is not available before the job ends, nor to another tenant", async () => {
      await submit("a");
      assert.deepEqual((await get("/jobs/a/preview")).json().type, "NotFinished");
      assert.equal((await get("/jobs/a/preview", await p.as("other"))).statusCode, 404);
    });
  });
});
