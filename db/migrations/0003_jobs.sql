-- Jobs live beside the prices, so that an update's rows, its terminal state and its response commit together.
create schema jobs;

-- Content hash of each file of db/functions and db/views as last applied (db/definitions.ts).
create table public.applied_functions (
  file text primary key,
  hash text not null,
  applied_at timestamptz not null default clock_timestamp()
);

-- The one clock of leases, deadlines and fences: every runner and dispatcher may have a clock of its own that is wrong.
create function jobs.clock() returns timestamptz language sql volatile as 'select clock_timestamp()';
grant execute on function jobs.clock() to api_reader, job_keeper, dispatcher;

-- Types of the columns of jobs.jobs. A table's CHECK would be parsed again by every statement that writes a row, and all of
-- them evaluated: half the time of a state change. A domain is evaluated where its column is assigned.
create domain jobs.runner_type as text check (value in ('glue', 'ec2'));
create domain jobs.job_status as text check (value in ('PENDING', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'CANCELLED'));
create domain jobs.reply as text check (value in ('queue', 'none'));
create domain jobs.priority as smallint check (value between 0 and 9);
create domain jobs.max_attempts as integer check (value between 1 and 20);
create domain jobs.seconds as integer check (value > 0);
-- The last line behind what bounds these: the document of a job is made of them.
create domain jobs.status_history as jsonb check (jsonb_array_length(value) <= 50);
create domain jobs.attempts as jsonb check (jsonb_array_length(value) <= 20 and pg_column_size(value) <= 32768);
create domain jobs.progress as jsonb check (pg_column_size(value) <= 1024);
create domain jobs.stats as jsonb check (pg_column_size(value) <= 2048);
create domain jobs.error as jsonb check (pg_column_size(value) <= 65536);
create domain jobs.result as jsonb check (pg_column_size(value) <= 8192);
-- A message of SQS has 1 MiB with its attributes: nothing that is stored here is refused there for its size. An inline result
-- takes at most 900,000 bytes of it, the rest at most 64 KiB (jobs.end_job).
create domain jobs.response as text check (octet_length(value) between 1 and 965536);

-- Trace context of the caller (W3C Trace Context).
create domain jobs.traceparent as text check (value ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');

create table jobs.jobs (
  id bigint generated always as identity primary key,
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  request_hash text not null,
  response_id text not null, -- made of the tenant, the request's id and its task: unique as they are
  -- The task as accepted, defaults filled in; an inline payload stands apart, so that no state change rewrites it.
  task jsonb not null,
  -- Replaces the task or the labels in documents, where those hold a credential: {"task", "labels"}, either or both.
  redacted jsonb,
  inline json,
  -- What a read runs, with its parameters in it: both runners run the same text, and newer queries change no job that waits.
  sql text,
  runner jobs.runner_type not null,
  -- A read that an EC2 run may take too, when Glue has no room for it or its memory was too small.
  ec2_fallback boolean not null default false,
  priority jobs.priority not null,
  -- Whether the response is put on the response queue. Not part of the request's identity: a repeat may still ask for it.
  reply jobs.reply not null default 'queue',
  labels jsonb not null,
  timeout_seconds jobs.seconds not null,
  max_attempts jobs.max_attempts not null,
  lease_seconds jobs.seconds not null,
  traceparent jobs.traceparent, -- of the request that made the job; not part of its identity

  status jobs.job_status not null default 'PENDING',
  attempt integer not null default 0,
  run_id uuid,
  lease_until timestamptz,
  deadline timestamptz,
  -- The session that does the work, known by pid and start since pids are used again.
  backend_pid integer,
  backend_start timestamptz,
  cancel_requested_at timestamptz,
  -- A job that waits out a back-off is PENDING but not ready; the scheduler makes it ready (not_before null).
  not_before timestamptz,

  created_at timestamptz not null default jobs.clock(),
  started_at timestamptz,
  finished_at timestamptz,
  status_history jobs.status_history not null default '[]',
  attempts jobs.attempts not null default '[]',
  progress jobs.progress not null default '{"rows": 0, "bytes": 0}',
  stats jobs.stats,
  error jobs.error,
  result jobs.result,
  -- The body of the response, frozen in the transaction that ends the job. One that is wanted on the queue is sent afterwards,
  -- again until the sending is recorded; the others are only read (GET /jobs/{id}/response).
  response jobs.response,
  due_at timestamptz, -- when the sweep sends the response, if it was not sent before; null: the job runs, or it was sent or is not requested
  sent_at timestamptz,
  message_id text,
  -- Counts the changes of the job and the sendings of its response: the external version of its tracking document.
  version bigint not null default 1,
  -- The transaction of the last change, and its time: the tracking store lacks what changed after its last snapshot.
  changed xid8 not null default pg_current_xact_id(),
  changed_at timestamptz not null default jobs.clock(),
  -- Since when a read that ran out of memory waits for a larger run. It is deferred for ever (not_before) to all other
  -- runs: none is started for it, and none takes it.
  high_memory_retry_at timestamptz,
  -- "Priority plus a point a minute waited", as a number that does not change while time passes: the order of
  -- priority + (now - created) is the order of priority - created.
  rank integer not null,
  unique (tenant, request_id)
) with (fillfactor = 80);

create index jobs_waiting on jobs.jobs (runner, rank desc, created_at, id) where status = 'PENDING' and not_before is null;
create index jobs_deferred on jobs.jobs (not_before) where status = 'PENDING' and not_before is not null;
create index jobs_larger on jobs.jobs (high_memory_retry_at) where status = 'PENDING' and high_memory_retry_at is not null;
-- Waiting jobs per tenant: for its maximum of waiting jobs, and to skip tenants that have all their slots.
create index jobs_pending on jobs.jobs (runner, tenant, not_before, rank desc, created_at, id) where status = 'PENDING';
create index jobs_running on jobs.jobs (tenant, runner) where status = 'IN_PROGRESS';
create index jobs_running_run on jobs.jobs (run_id) where status = 'IN_PROGRESS';
create index jobs_created on jobs.jobs (created_at);
create index jobs_ended on jobs.jobs (finished_at) where finished_at is not null;
create index jobs_changed on jobs.jobs (changed, id);
create index jobs_due on jobs.jobs (due_at) where due_at is not null;

-- Upper bounds of waiting jobs per tenant: `waiting` of them when the job sequence was at `sequence_value`. As every later
-- job has a later number, no count is needed before the two together come near the tenant's maximum (jobs.waiting_capacity).
create table jobs.waiting_counts (
  tenant text collate "C" primary key,
  waiting bigint not null,
  sequence_value bigint not null,
  full_until timestamptz -- until when a tenant that was found full is not counted again
);

-- Answers to requests that made no job: invalid ones, and conflicts with an earlier request. A repeated request gets the same
-- answer again. Like the response of a job, an answer is due until its sending is recorded.
create table jobs.answers (
  id bigint generated always as identity primary key,
  response_id text not null unique,
  tenant text not null,
  request_id text not null,
  body text not null check (octet_length(body) between 1 and 65536),
  created_at timestamptz not null default jobs.clock(),
  due_at timestamptz, -- when the sweep sends it, if it was not sent before; null: it was sent
  sent_at timestamptz,
  message_id text
);
create index answers_due on jobs.answers (due_at) where due_at is not null;
create index answers_created on jobs.answers (created_at);

-- Jobs submitted without a reply whose request came again and asks for one. Without a foreign key, whose lock would wait
-- for a job that is just ending: due_responses finds its response.
create table jobs.reply_requests (
  job_id bigint primary key
);

-- Ended jobs whose caller records their trace, until their spans are exported. Without a foreign key, which every job that
-- expires would look up: jobs.next_traces finds that a job is gone.
create table jobs.pending_traces (
  job_id bigint primary key,
  due_at timestamptz not null
);
create index pending_traces_due on jobs.pending_traces (due_at, job_id);

-- A collector of spans that did not answer is left alone for a while, by all dispatchers.
create table jobs.trace_pause (
  one boolean primary key default true check (one),
  failures integer not null default 0,
  paused_until timestamptz not null default '-infinity'
);
insert into jobs.trace_pause default values;

-- How far the tracking store is, by transactions (jobs.untracked_batch): it has what `done` sees. A pass under way brings it
-- to what `until` sees, and has written everything up to a transaction and a job.
create table jobs.tracking_progress (
  one boolean primary key default true check (one),
  pass bigint not null default 0,
  done pg_snapshot not null default '1:1:',
  until pg_snapshot,
  last_changed xid8 not null default '0',
  last_id bigint not null default 0
);
insert into jobs.tracking_progress default values;

-- Documents that the tracking store refused: each waits alone.
create table jobs.tracking_refused (
  job_id bigint primary key references jobs.jobs on delete cascade,
  failures integer not null default 1,
  not_before timestamptz not null,
  since timestamptz not null default jobs.clock()
);

-- A tracking store that did not answer is left alone for a while, by all dispatchers.
create table jobs.tracking_pause (
  one boolean primary key default true check (one),
  failures integer not null default 0,
  paused_until timestamptz not null default '-infinity'
);
insert into jobs.tracking_pause default values;

-- Runs: a Glue run, an EC2 instance, a local process. A slot is a row that is held until its run is known to have
-- ended, so that never more run than there are slots, however many dispatchers there are.
create table jobs.runs (
  id uuid primary key default gen_random_uuid(),
  runner text not null check (runner in ('glue', 'ec2')),
  slot integer not null check (slot > 0),
  version text not null,
  state text not null default 'STARTING' check (state in ('STARTING', 'RUNNING', 'RETIRING', 'ENDED')),
  external_id text,
  created_at timestamptz not null default jobs.clock(),
  start_deadline timestamptz not null,
  started_at timestamptz, -- when it reported in
  seen_at timestamptz,
  stop_at timestamptz, -- when the launcher was asked to end it
  ended_at timestamptz,
  outcome text,
  -- A larger run takes the reads that ran out of memory. One at a time, so that the capacity of all runs is known.
  larger boolean not null default false,
  memory_bytes bigint,
  launch uuid -- the request for instances that it is in (jobs.launches); null: in none, or none yet
);
create index runs_launch on jobs.runs (launch) where launch is not null and state <> 'ENDED';
create unique index runs_larger on jobs.runs (runner) where larger and state <> 'ENDED';
create unique index runs_slots on jobs.runs (runner, slot) where state <> 'ENDED';
create index runs_ended on jobs.runs (ended_at) where state = 'ENDED';

-- What all dispatchers share of a runner type: its back-off after a throttle.
create table jobs.runners (
  runner text primary key check (runner in ('glue', 'ec2')),
  paused_until timestamptz,
  pauses integer not null default 0,
  version text, -- of the code that the newest runs were started with
  tenant_slots integer check (tenant_slots > 0), -- most jobs of one tenant at once; null: no maximum
  larger boolean not null default false -- true if the stack has a larger run of this type
);
insert into jobs.runners (runner) values ('glue'), ('ec2');

-- Requests for instances: one RunInstances for several runs. The id is the request's client token, by which a repeat starts
-- nothing new, and a tag of its instances, by which each claims one run of its launch.
create table jobs.launches (
  id uuid primary key default gen_random_uuid(),
  runner text not null check (runner in ('glue', 'ec2')),
  request text not null check (char_length(request) <= 16384), -- its parameters: a repeat must have the same
  target text not null check (char_length(target) <= 128), -- where the instances are requested: a subnet
  instances integer not null check (instances between 1 and 1000),
  created_at timestamptz not null default jobs.clock(),
  sends integer not null default 1, -- dispatchers that took it on, one after the other: only the last may say that nothing started
  send_until timestamptz not null, -- nothing is sent after this time: its slots may soon belong to other runs
  held_until timestamptz not null, -- the dispatcher that took it on has it until then; after that another one repeats it
  answered_at timestamptz, -- null: the outcome is unknown
  started integer
);
create index launches_unanswered on jobs.launches (runner, held_until) where answered_at is null;
create index launches_created on jobs.launches (created_at);

-- Where there was no room last, and why. All dispatchers share it.
create table jobs.launch_targets (
  runner text not null check (runner in ('glue', 'ec2')),
  target text not null check (char_length(target) <= 128),
  short_at timestamptz not null,
  reason text not null check (char_length(reason) <= 200),
  primary key (runner, target)
);

-- Rates of requests to AWS that all dispatchers keep together (jobs.take_request).
create table jobs.request_rates (
  name text primary key,
  due timestamptz not null -- when the next request would come at the steady rate
);

-- Requests that were rejected and made no job, kept for people: bounded per tenant and day (jobs.reject).
create table jobs.rejected (
  id text primary key, -- of the answer
  tenant text collate "C" not null check (char_length(tenant) <= 64),
  request_id text collate "C" not null check (char_length(request_id) <= 128),
  source text not null check (source in ('queue', 'http')),
  error jsonb not null check (pg_column_size(error) <= 65536),
  body text not null check (char_length(body) <= 4000),
  copies integer not null default 1, -- how often the same request came: the version of its document
  created_at timestamptz not null default jobs.clock(),
  last_at timestamptz not null default jobs.clock(), -- when it came last
  -- Whether the tracking store has its document; one that was refused there waits alone.
  tracked boolean not null default false,
  failures integer not null default 0,
  not_before timestamptz
);
create index rejected_untracked on jobs.rejected (failures, id) where not tracked;
create index rejected_created on jobs.rejected (created_at);
create index rejected_newest on jobs.rejected (tenant, last_at desc, id desc);
create table jobs.rejected_days (
  tenant text collate "C" not null,
  day date not null,
  requests bigint not null,
  primary key (tenant, day)
);

-- What callers identify themselves by; only the SHA-256 is kept. A token is for programs, a session for a person who signed
-- in (dashboard, `rates login`), a link signs in once.
create table jobs.tokens (
  id text primary key,
  hash bytea not null unique,
  kind text not null default 'token' check (kind in ('token', 'session', 'link')),
  name text not null,
  tenant text not null,
  scopes text[] not null check (scopes <@ array['read', 'submit', 'update', 'cancel', 'admin']),
  created_at timestamptz not null default jobs.clock(),
  expires_at timestamptz, -- null: never
  last_used_on date, -- UTC
  revoked_at timestamptz,
  parent text references jobs.tokens on delete cascade, -- the credential that it was made with, and ends with
  owner text, -- of a session or a link: its parent, or the person at the identity provider
  proof bytea unique, -- SHA-256 of the ID token that a session was made from: one session each
  check (kind = 'token' or (expires_at is not null and owner is not null))
);
create index tokens_owner on jobs.tokens (owner, kind, created_at) where owner is not null;
create index tokens_parent on jobs.tokens (parent) where parent is not null;
create index tokens_expiring on jobs.tokens (expires_at) where kind <> 'token';

-- Who did what, for people: written by the API, never changed.
create table jobs.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default jobs.clock(),
  tenant text collate "C" not null check (char_length(tenant) <= 64), -- whose jobs it was about
  actor_id text not null,
  actor text not null check (char_length(actor) <= 100),
  via text not null check (via in ('api', 'cli', 'dashboard')),
  action text not null,
  target text not null check (char_length(target) <= 200),
  detail jsonb not null check (pg_column_size(detail) <= 4096)
);
create index audit_tenant on jobs.audit (tenant, id);
create index audit_at on jobs.audit (at);

-- Counters that only grow, whatever expires: what ended in the minutes counted so far (jobs.add_totals), by the names of
-- runtime/monitoring/metrics.ts. `type` is that of an error, `le` the bound of a histogram's bucket.
create table jobs.totals (
  metric text not null,
  runner text not null check (runner in ('glue', 'ec2')),
  type text not null check (char_length(type) <= 60),
  le float8 not null,
  value float8 not null,
  primary key (metric, runner, type, le)
);

-- What tenants used, by month (UTC); it outlives the jobs.
create table jobs.usage (
  tenant text collate "C" not null check (char_length(tenant) <= 64),
  month date not null,
  succeeded bigint not null,
  failed bigint not null,
  cancelled bigint not null,
  rows bigint not null,
  bytes bigint not null,
  glue_seconds float8 not null,
  ec2_seconds float8 not null,
  primary key (month, tenant)
);

create table jobs.totals_progress (
  one boolean primary key default true check (one),
  counted_until timestamptz not null default date_trunc('minute', jobs.clock())
);
insert into jobs.totals_progress default values;

grant usage on schema jobs to api_reader, job_writer, job_keeper, dispatcher;
grant select on jobs.runs, jobs.runners, jobs.tokens, jobs.audit to api_reader;
grant select on jobs.totals, jobs.usage, jobs.totals_progress to api_reader;
grant select, update on jobs.tracking_pause to dispatcher;
grant select, update (tracked, failures, not_before) on jobs.rejected to dispatcher;
grant select on jobs.runs, jobs.runners to dispatcher;
