import assert from "node:assert/strict";
import type { Role } from "../platform/postgres.ts";
import { jobDatabase } from "../testing/jobs.ts";

/** Roles that may execute each function, in addition to its owner. PUBLIC may execute none. */
const ALLOWED_ROLES: Readonly<Record<string, readonly (Role | "price_readers")[]>> = {
  // Triggers.
  "check_ports_unused()": [],
  "check_prices_ports()": [],

  "ports_of(text)": ["api_reader", "price_readers"],
  "daily_sums(text[],text[],date[],date[])": ["api_reader"],
  "plan_of(text,integer)": ["job_reader_plan"],
  "bytes_of_plans(text[])": ["job_reader_plan"],

  // Functions that only other functions call.
  "jobs.bounded_detail(json)": [],
  "jobs.bounded_details(json,integer)": [],
  "jobs.bounded_error(json)": [],
  "jobs.bounded_labels(jsonb)": [],
  "jobs.cancelled(text)": [],
  "jobs.truncate_text(text,integer)": [],
  "jobs.end_attempt(jsonb,timestamp with time zone,text,bigint)": [],
  "jobs.end_job(bigint,text,json,json,bigint,bigint,bigint,integer,uuid)": [],
  "jobs.event(text,timestamp with time zone)": [],
  "jobs.escape_noncharacters(text)": [],
  "jobs.result_without_rows(json)": [],
  "jobs.with_event(jsonb,text,timestamp with time zone)": [],
  "jobs.milliseconds(timestamp with time zone,timestamp with time zone)": [],
  "jobs.next_claim(uuid,integer,timestamp with time zone,text)": [],
  "jobs.next_job(text,integer)": [],
  "jobs.next_larger_job(text,integer)": [],
  "jobs.claimable(text,integer,integer)": [],
  "jobs.free_tenant_slots(text,text,integer)": [],
  "jobs.start_attempt(bigint,uuid,text,bigint,integer,timestamp with time zone,text,timestamp with time zone)": [],
  "jobs.wake_runs(text,integer)": [],
  "jobs.wake_tenant(text,text)": [],
  "jobs.waiting_capacity(text,integer,integer)": [],
  "jobs.waiting_tenants(text)": [],
  "jobs.pause(text)": [],
  "jobs.respond_now(bigint)": [],
  "jobs.traced_body(text,text)": [],
  "jobs.response_body(text,text,text,json,json,json,jsonb)": [],
  "jobs.result_too_large(integer)": [],

  // Requests arrive over the API and from the queue.
  "jobs.accept(json)": ["api_reader", "dispatcher"],
  "jobs.find_job(text,text,text,jsonb)": ["api_reader", "dispatcher"],
  "jobs.store_answer(text,text,text,json,jsonb,text)": ["api_reader", "dispatcher"],
  "jobs.reject(text,text,text,text,json,text)": ["api_reader", "dispatcher"],

  // Functions of the API.
  "jobs.cancel(text,text,text)": ["api_reader"],
  "jobs.stored_request(text,text)": ["api_reader"],
  "jobs.runner_load(text)": ["api_reader"],
  // Admins create tokens through the API, which may only read the table itself.
  "jobs.store_token(text,text,text,text,text[],timestamp with time zone)": ["api_reader"],
  "jobs.token_used(text)": ["api_reader"],
  "jobs.waiting_place(text,text)": ["api_reader"],
  "jobs.would_start(text,integer,text,integer)": ["api_reader"],
  "jobs.revoke_token(text)": ["api_reader"],
  "jobs.store_session(text,text,text,text,text,text[],text,text,text,integer,timestamp with time zone)": ["api_reader"],
  "jobs.redeem_link(text,text,text,integer)": ["api_reader"],
  "jobs.record_audit(text,text,text,text,text,text,jsonb)": ["api_reader"],
  "jobs.activity(text,integer,integer,bigint,timestamp with time zone)": ["api_reader"],
  "jobs.platform_status(integer)": ["api_reader"],

  // Functions of several components.
  "jobs.iso(timestamp with time zone)": ["api_reader", "dispatcher"],
  "jobs.bounded_document(jsonb)": ["api_reader", "dispatcher"],
  "jobs.clock()": ["api_reader", "dispatcher", "job_keeper"],
  "jobs.due_responses(integer,bigint[])": ["api_reader", "dispatcher", "job_keeper"],
  "jobs.responses_sent(bigint[],bigint[],text[])": ["api_reader", "dispatcher", "job_keeper"],

  // Functions of a run. job_writer also needs `finish`, which is the fence at the end of an update's transaction.
  "jobs.claim(uuid,integer,timestamp with time zone,text,bigint[],bigint[],text[])": ["job_keeper"],
  "jobs.drain(uuid)": ["job_keeper"],
  "jobs.finish(bigint,integer,text,json,json,bigint,bigint,bigint)": ["job_keeper", "job_writer"],
  "jobs.finish_and_claim(bigint,integer,text,json,json,bigint,bigint,bigint,uuid,integer,timestamp with time zone,text,bigint[],bigint[],text[])":
    ["job_keeper"],
  "jobs.instance_started(uuid,text,bigint)": ["job_keeper"],
  "jobs.heartbeat(uuid,bigint,integer,jsonb)": ["job_keeper"],
  "jobs.retire(uuid)": ["job_keeper"],
  "jobs.retry(bigint,integer,json,bigint)": ["job_keeper"],
  "jobs.run_started(uuid,bigint)": ["job_keeper"],
  "jobs.record_session(uuid,bigint,integer,integer,timestamp with time zone)": ["job_keeper"],

  // Functions of the dispatcher.
  "jobs.take_request(text,integer,double precision)": ["dispatcher"],
  "jobs.assign_instances(uuid,text[])": ["dispatcher"],
  "jobs.begin_launch(text,text,text,text[],integer,double precision,text,integer,double precision)": ["dispatcher"],
  "jobs.launch_answered(uuid,integer,text[],text[],text)": ["dispatcher"],
  "jobs.launch_unknown(uuid,integer)": ["dispatcher"],
  "jobs.request_throttled(text,integer,double precision,double precision)": ["dispatcher"],
  "jobs.close_runners(boolean)": ["dispatcher"],
  "jobs.expire(timestamp with time zone,integer)": ["dispatcher"],
  "jobs.job_metrics(integer)": ["dispatcher"],
  "jobs.add_totals(double precision[],integer,integer)": ["dispatcher"],
  "jobs.expire_audit(timestamp with time zone,integer)": ["dispatcher"],
  "jobs.lost_jobs()": ["dispatcher"],
  "jobs.open_runs(integer)": ["dispatcher"],
  "jobs.overflow(integer,integer,integer,integer)": ["dispatcher"],
  "jobs.plan_larger(text,integer,text,integer,boolean)": ["dispatcher"],
  "jobs.plan_all_runs(json,boolean)": ["dispatcher"],
  "jobs.plan_runs(text,integer,text,integer,integer,integer)": ["dispatcher"],
  "jobs.run_ended(uuid,text)": ["dispatcher"],
  "jobs.run_launched(uuid,text)": ["dispatcher"],
  "jobs.run_refused(uuid,text)": ["dispatcher"],
  "jobs.run_stopping(uuid)": ["dispatcher"],
  "jobs.settle_lost(bigint,integer,text,json)": ["dispatcher"],
  "jobs.track_all()": ["dispatcher"],
  "jobs.tracked(bigint,xid8,bigint,boolean,bigint[],bigint[])": ["dispatcher"],
  "jobs.untracked_batch(integer)": ["dispatcher"],
  "jobs.discard_traces(integer)": ["dispatcher"],
  "jobs.next_traces(integer)": ["dispatcher"],
  "jobs.traces_exported(bigint[],boolean)": ["dispatcher"],
};

/** Functions of the schemas, with the roles that may execute each; null means PUBLIC. */
const GRANTED = `
  select p.oid::regprocedure::text as function,
    array(
      select r.rolname::text from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
      left join pg_roles r on r.oid = a.grantee
      where a.grantee <> p.proowner and a.privilege_type = 'EXECUTE' order by 1
    ) as roles
  from pg_proc p where p.pronamespace::regnamespace::text = any (array['jobs', 'tracking', 'public']) order by 1`;

describe("privileges on functions", () => {
  let fixture: Awaited<ReturnType<typeof jobDatabase>>;
  before(async () => {
    fixture = await jobDatabase();
  });
  after(() => fixture.close());

  it("match the list, and PUBLIC has none", async () => {
    const { rows } = await fixture.admin.query<{ function: string; roles: (string | null)[] }>(GRANTED);
    const granted = Object.fromEntries(rows.map((row) => [row.function, row.roles]));
    // Before Postgres 18, prices have foreign keys instead of the functions `check_…`.
    const { rows: server } = await fixture.admin.query("select current_setting('server_version_num')::int as version");
    const expected = Object.entries(ALLOWED_ROLES).filter(
      ([name]) => server[0].version >= 180_000 || !name.startsWith("check_"),
    );
    assert.deepEqual(granted, Object.fromEntries(expected));
  });

  it("are not granted by default on functions of later migrations", async () => {
    for (const schema of ["jobs", "tracking", "public"]) {
      await fixture.admin.query("begin");
      await fixture.admin.query("set local role migrator");
      await fixture.admin.query(`create function ${schema}.forgotten() returns int language sql return 1`);
      const { rows } = await fixture.admin.query("select has_function_privilege('job_reader', $1, 'execute') as may", [
        `${schema}.forgotten()`,
      ]);
      await fixture.admin.query("rollback");
      assert.equal(rows[0].may, false, schema);
    }
  });
});
