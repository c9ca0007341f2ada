import assert from "node:assert/strict";
import { createHandlers } from "../dispatcher/handlers.ts";
import { requirePython } from "../testing/python/python.ts";
import { type RunnerProcess, testPlatform } from "../testing/runner/runner.ts";

/** Returns SQL that adds a fault to the first calls that record sent responses, within queries that match a pattern. */
const failRecords = (query: string, fault: string, calls = 1) => `
  alter function jobs.responses_sent(bigint[], bigint[], text[]) rename to record_sent;
  create sequence jobs.record_calls;
  create function jobs.responses_sent(p_responses bigint[], p_versions bigint[], p_messages text[])
  returns void language plpgsql security definer as $$
  begin
    -- A sequence keeps its value when its transaction is rolled back.
    if current_query() ~ '${query}' and cardinality(p_responses) > 0 and nextval('jobs.record_calls') <= ${calls} then
      ${fault};
    end if;
    perform jobs.record_sent(p_responses, p_versions, p_messages);
  end
  $$;
  grant execute on function jobs.responses_sent(bigint[], bigint[], text[]) to job_keeper`;
const DEADLOCK = "raise deadlock_detected";
const LOST_CONNECTION = "perform pg_terminate_backend(pg_backend_pid())";
const REFUSAL = "raise insufficient_privilege";

/** SQL that makes the first two calls of jobs.claim raise a deadlock error. */
const DEADLOCKED_CLAIMS = `
  create sequence jobs.claim_calls;
  create function jobs.fail_claim() returns trigger language plpgsql security definer as $$
  begin
    if current_query() ~ '^select jobs.claim' and nextval('jobs.claim_calls') <= 2 then raise deadlock_detected; end if;
    return new;
  end
  $$;
  create trigger fail_claim before update on jobs.jobs for each row
  when (old.status = 'PENDING' and new.status = 'IN_PROGRESS') execute function jobs.fail_claim()`;

for (const language of ["TypeScript", "Python"] as const)
  describe(`the record of responses that a run of the runner in ${language} sent`, () => {
    let python: string | undefined;
    let p: Awaited<ReturnType<typeof testPlatform>>;
    before(function () {
      if (language === "Python") python = requirePython(this, "python");
    });
    beforeEach(async () => {
      const runners = { glue: { slots: 1, idleSeconds: 0 }, ec2: { slots: 0 } };
      p = await testPlatform({ runners, jobs: { leaseSeconds: 30 } });
    });
    afterEach(() => p?.close());

    const request = async (requestId: string, seconds: number) =>
      p.requestUnchecked({ requestId, task: { type: "read", sql: `select pg_sleep(${seconds})` } });
    /** Returns the ids of requests whose response is recorded as sent. */
    const recorded = async (): Promise<string[]> =>
      (await p.admin.query("select request_id from jobs.responses where sent_at is not null order by id")).rows.map(
        ({ request_id }) => request_id,
      );
    const start = () => {
      const [run] = p.startRuns("glue", undefined, python);
      assert(run);
      return run;
    };
    /** Waits for the run's end, and asserts that each ended job has one response, which is recorded and not sent again. */
    const assertSentOnce = async (run: RunnerProcess, minimum: number) => {
      await run.exit;
      const ended = (
        await p.admin.query("select request_id from jobs.jobs where finished_at is not null order by id")
      ).rows.map(({ request_id }) => request_id);
      assert(ended.length >= minimum, `${ended.length} ended\n${run.output()}`);
      assert.deepEqual(await recorded(), ended, run.output());
      for (const id of ended)
        assert.match(run.output(), new RegExp(`"time": ?\\d+.*"requestId": ?"${id}".*"response sent"`));
      const handlers = createHandlers(p.context);
      p.launcher.statuses.set(run.run, "ENDED");
      await handlers.runEnded({ run: run.run, outcome: "ENDED" });
      await handlers.tick();
      const messages = await p.receive(p.context.queues.responses);
      const sent = messages.map(({ Body }) => JSON.parse(Body ?? "{}").requestId);
      assert.deepEqual(sent.sort(), ended.sort());
    };

    it("is written while the next job still runs", async () => {
      await request("short", 0);
      await request("long", 6);
      const run = start();
      await p.until("the first response is recorded", async () => (await recorded()).includes("short"));
      assert.equal((await p.document("long")).status, "IN_PROGRESS");
      await assertSentOnce(run, 2);
    });

    it("is repeated while the next job still runs if a separate call fails", async () => {
      await p.admin.query(failRecords("^select jobs.responses_sent", DEADLOCK));
      await request("short", 0);
      await request("long", 6);
      const run = start();
      await p.until("the first response is recorded", async () => (await recorded()).includes("short"));
      assert.equal((await p.document("long")).status, "IN_PROGRESS");
      await assertSentOnce(run, 2);
    });

    /** Requests reads that take longer in total than a run waits before it records sent responses. */
    const requestReads = async (count: number) => {
      for (let index = 0; index < count; index++) await request(`read-${index}`, 0.06);
    };
    const assertFailed = async (calls: number) => {
      const { rows } = await p.admin.query(
        "select case when is_called then last_value else 0 end as n from jobs.record_calls",
      );
      assert(Number(rows[0].n) >= calls, `${rows[0].n} calls`);
    };

    for (const [name, fault, minimum] of [
      ["is repeated after a deadlock", DEADLOCK, 30],
      ["loses its connection", LOST_CONNECTION, 5],
    ] as const)
      it(`is written if the call that ends a job ${name}`, async () => {
        await p.admin.query(failRecords("finish_and_claim", fault));
        await requestReads(30);
        await assertSentOnce(start(), minimum);
        await assertFailed(1);
      });

    it("is written between later jobs if a deadlock also ends the repeats of the call that ends a job", async () => {
      await p.admin.query(failRecords("finish_and_claim", DEADLOCK, 3));
      await requestReads(60);
      const run = start();
      await p.until("the responses are recorded", async () => (await recorded()).length > 0);
      const { rows } = await p.admin.query("select from jobs.jobs where status = 'PENDING'");
      assert(rows.length > 0, "recorded only at the end");
      await assertSentOnce(run, 60);
      await assertFailed(3);
    });

    it("is left to the dispatcher if it is refused, and no job fails because of it", async () => {
      await p.admin.query(failRecords(".", REFUSAL, 1_000));
      await requestReads(40);
      const run = start();
      assert.equal(await run.exit, 0, run.output());
      const { rows } = await p.admin.query("select distinct status, attempt from jobs.jobs");
      assert.deepEqual(rows, [{ status: "SUCCEEDED", attempt: 1 }], run.output());
      assert.deepEqual(await recorded(), []);
      await assertFailed(2);
    });

    it("is written by a run whose claims fail with a deadlock", async () => {
      await p.admin.query(DEADLOCKED_CLAIMS);
      await request("only", 0);
      await assertSentOnce(start(), 1);
    });

    it("is written before the run ends if its last call fails", async () => {
      await p.admin.query(failRecords("^select jobs.responses_sent", LOST_CONNECTION));
      await request("only", 0);
      await assertSentOnce(start(), 1);
    });
  });
