-- Jobs are in the same database as the prices, so that an update's rows, its terminal state and its response commit
-- together.
create schema jobs;

-- Content hash of each file of db/functions and db/views as last applied (db/definitions.ts), and of each applied
-- migration (db/history.ts).
create table public.applied_functions (
  file text primary key,
  hash text not null,
  applied_at timestamptz not null default clock_timestamp()
);

-- Clock of all leases, deadlines and fences, since the clocks of runners and dispatchers may be wrong.
create function jobs.clock() returns timestamptz language sql volatile as 'select clock_timestamp()';
grant execute on function jobs.clock() to api_reader, job_keeper, dispatcher;

-- Column types of jobs.jobs. Every statement that writes a row would parse and evaluate all CHECK constraints of the
-- table, which would take half the time of a state change. A domain is checked only when its column is assigned.
create domain jobs.runner_type as text check (value in ('glue', 'ec2'));
create domain jobs.job_status as text check (value in ('PENDING', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'CANCELLED'));
create domain jobs.reply as text check (value in ('queue', 'none'));
create domain jobs.priority as smallint check (value between 0 and 9);
create domain jobs.max_attempts as integer check (value between 1 and 20);
create domain jobs.seconds as integer check (value > 0);
-- A final safeguard for values that other code already bounds: they make up a job's document, whose size must stay
-- bounded.
create domain jobs.status_history as jsonb check (jsonb_array_length(value) <= 50);
create domain jobs.attempts as jsonb check (jsonb_array_length(value) <= 20 and pg_column_size(value) <= 32768);
create domain jobs.progress as jsonb check (pg_column_size(value) <= 1024);
create domain jobs.stats as jsonb check (pg_column_size(value) <= 2048);
create domain jobs.error as jsonb check (pg_column_size(value) <= 65536);
create domain jobs.result as jsonb check (pg_column_size(value) <= 8192);
-- An SQS message has at most 1 MiB including its attributes, so SQS accepts every stored response. In a stored
-- response, an inline result takes at most 900,000 bytes and everything else at most 64 KiB (jobs.end_job).
create domain jobs.response as text check (octet_length(value) between 1 and 965536);

-- Reason that a caller gives for a cancel (runtime/contract/inputLimits.ts).
create domain jobs.cancel_reason as text check (length(value) between 1 and 500);
-- Trace context of the caller (W3C Trace Context).
create domain jobs.traceparent as text check (value ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');

create table jobs.jobs (
  id bigint generated always as identity primary key,
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  request_hash text not null,
  response_id text not null, -- computed from tenant, request id and task, and as unique as they are
  -- The task as accepted, with its defaults. An inline payload is stored separately, so that no state change rewrites
  -- it.
  task jsonb not null,
  -- Replaces the task or the labels in documents if they contain a credential: {"task", "labels"}, one or both.
  redacted jsonb,
  inline json,
  -- SQL of a read, with its parameters: both runners execute the same text, and a new version of a query does not
  -- change waiting jobs.
  sql text,
  runner jobs.runner_type not null,
  -- True for a read that an EC2 run may execute too, if Glue has no capacity or too little memory.
  ec2_fallback boolean not null default false,
  priority jobs.priority not null,
  -- `queue` if the response is sent to the response queue. Not part of the request's identity: a repeat may still ask
  -- for it.
  reply jobs.reply not null default 'queue',
  labels jsonb not null,
  timeout_seconds jobs.seconds not null,
  max_attempts jobs.max_attempts not null,
  lease_seconds jobs.seconds not null,
  traceparent jobs.traceparent, -- of the request that created the job; not part of its identity

  status jobs.job_status not null default 'PENDING',
  attempt integer not null default 0,
  run_id uuid,
  lease_until timestamptz,
  deadline timestamptz,
  -- Database session that executes the job, identified by pid and start time, since pids are reused.
  backend_pid integer,
  backend_start timestamptz,
  cancel_requested_at timestamptz,
  cancel_reason jobs.cancel_reason,
  -- During its back-off a job is PENDING but not ready; jobs.plan_runs makes it ready (not_before null).
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
  -- Body of the response, stored in the transaction that ends the job. A response that is requested on the queue is
  -- sent afterwards, and again until its sending is recorded; others are only read (GET /jobs/{id}/response).
  response jobs.response,
  -- When maintenance sends the response if it was not sent before; null: the job has not ended, its response was sent
  -- or is not requested on the queue, or its run records the sending by number.
  due_at timestamptz,
  -- Number of the response among those of its run, which records several sendings at once (jobs.sendings). Null: the
  -- job has not ended, no reply on the queue is requested, or the sending is recorded in this row (sent_at,
  -- message_id). The last case has three reasons: the call that ended the job claimed no next one, the run had ended
  -- before, or a repeat asked for the response again.
  response_number bigint,
  sent_at timestamptz,
  message_id text,
  -- Number of changes of the job and of repeated requests for its response: the external version of its tracking
  -- document.
  version bigint not null default 1,
  -- Transaction and time of the last change. By the transaction, changes that the tracking store lacks are found: those
  -- that jobs.tracking_progress.done does not see.
  changed xid8 not null default pg_current_xact_id(),
  changed_at timestamptz not null default jobs.clock(),
  -- When a job that ran out of memory may be retried on a larger run. Its not_before is infinity, so that no other run
  -- is started for it or claims it.
  high_memory_retry_at timestamptz,
  -- Priority plus one point per minute of waiting, as a number that does not change over time: the order of priority +
  -- (now - created) is the order of priority - created.
  rank integer not null,
  unique (tenant, request_id)
) with (fillfactor = 80);

create index jobs_waiting on jobs.jobs (runner, rank desc, created_at, id) where status = 'PENDING' and not_before is null;
create index jobs_deferred on jobs.jobs (not_before) where status = 'PENDING' and not_before is not null;
create index jobs_larger on jobs.jobs (high_memory_retry_at) where status = 'PENDING' and high_memory_retry_at is not null;
-- Waiting jobs per tenant: for its maximum of waiting jobs, and to skip tenants that already use all their slots.
create index jobs_pending on jobs.jobs (runner, tenant, not_before, rank desc, created_at, id) where status = 'PENDING';
create index jobs_running on jobs.jobs (tenant, runner) where status = 'IN_PROGRESS';
create index jobs_running_run on jobs.jobs (run_id) where status = 'IN_PROGRESS';
-- BRIN, since rows are inserted in this order: a B-tree would need one more entry per state change. Several intervals
-- per block range, because a range whose space is reused keeps the times of deleted jobs: a single interval would then
-- span all the time from the deleted jobs to the new ones.
create index jobs_created on jobs.jobs using brin (created_at timestamptz_minmax_multi_ops) with (pages_per_range = 16, autosummarize = on);
create index jobs_ended on jobs.jobs (finished_at) where finished_at is not null;
create index jobs_changed on jobs.jobs (changed, id);
create index jobs_due on jobs.jobs (due_at) where due_at is not null;
create index jobs_numbered on jobs.jobs (run_id, response_number) where response_number is not null and due_at is null and sent_at is null;
-- Numbers of responses, which grow in the order in which a run ends its jobs.
create sequence jobs.response_numbers;

-- For an upper bound of a tenant's waiting jobs: it had `waiting` of them when the sequence of job ids was at
-- `sequence_value`. Every later job has a higher id, so no count is needed until `waiting` plus the ids issued since
-- comes near the tenant's maximum (jobs.waiting_capacity).
create table jobs.waiting_counts (
  tenant text collate "C" primary key,
  waiting bigint not null,
  sequence_value bigint not null,
  full_until timestamptz -- a tenant that was at its maximum is not counted again before this time
);

-- Responses to requests that created no job: invalid ones, and conflicts with an earlier request. A repeated request
-- gets the same response again. Like the response of a job, it is due until its sending is recorded.
create table jobs.answers (
  id bigint generated always as identity primary key,
  response_id text not null unique,
  tenant text not null,
  request_id text not null,
  body text not null check (octet_length(body) between 1 and 65536),
  created_at timestamptz not null default jobs.clock(),
  asked_at timestamptz not null default jobs.clock(), -- time of the last request
  version bigint not null default 1, -- number of requests
  due_at timestamptz, -- when maintenance sends it, if it was not sent before; null: it was sent
  sent_at timestamptz,
  message_id text
);
create index answers_due on jobs.answers (due_at) where due_at is not null;
create index answers_created on jobs.answers (created_at);

-- Jobs submitted with reply `none` whose request was repeated with reply `queue`. There is no foreign key, since its
-- lock would wait for a job that is ending at that moment. jobs.end_job reads and deletes the row of its job. If
-- it runs concurrently with the repeat, jobs.due_responses makes the response due.
create table jobs.reply_requests (
  job_id bigint primary key
);

-- Ended jobs whose caller records their trace, until their spans are exported. Has no foreign key, which would cost a
-- lookup per deleted job: jobs.next_traces detects deleted jobs.
create table jobs.pending_traces (
  job_id bigint primary key,
  due_at timestamptz not null
);
create index pending_traces_due on jobs.pending_traces (due_at, job_id);

-- Pause of span exports in all dispatchers, after a failure of the collector.
create table jobs.trace_pause (
  one boolean primary key default true check (one),
  failures integer not null default 0,
  paused_until timestamptz not null default '-infinity'
);
insert into jobs.trace_pause default values;

-- Progress of the tracking store, by transactions (jobs.untracked_batch): it has all changes that `done` sees. A
-- running pass brings it to what `until` sees, and has written the changes up to `last_changed` and `last_id`.
create table jobs.tracking_progress (
  one boolean primary key default true check (one),
  pass bigint not null default 0,
  done pg_snapshot not null default '1:1:',
  until pg_snapshot,
  last_changed xid8 not null default '0',
  last_id bigint not null default 0
);
insert into jobs.tracking_progress default values;

-- Documents that the tracking store refused; each has its own back-off.
create table jobs.tracking_refused (
  job_id bigint primary key references jobs.jobs on delete cascade,
  failures integer not null default 1,
  not_before timestamptz not null,
  since timestamptz not null default jobs.clock()
);

-- Pause of writes to the tracking store in all dispatchers, after a failure of the store.
create table jobs.tracking_pause (
  one boolean primary key default true check (one),
  failures integer not null default 0,
  paused_until timestamptz not null default '-infinity'
);
insert into jobs.tracking_pause default values;

-- Runs: a Glue run, an EC2 instance or a local process. A row holds its slot until the run is known to have ended, so
-- that the number of runs never exceeds the slots, however many dispatchers start them.
create table jobs.runs (
  id uuid primary key default gen_random_uuid(),
  runner text not null check (runner in ('glue', 'ec2')),
  slot integer not null check (slot > 0),
  version text not null,
  state text not null default 'STARTING' check (state in ('STARTING', 'RUNNING', 'RETIRING', 'ENDED')),
  external_id text,
  created_at timestamptz not null default jobs.clock(),
  start_deadline timestamptz not null,
  started_at timestamptz, -- when it reported its start
  seen_at timestamptz,
  stop_at timestamptz, -- when the launcher was asked to end it
  ended_at timestamptz,
  outcome text,
  -- A larger run executes jobs that ran out of memory. At most one per runner type, so the planned quota covers it.
  larger boolean not null default false,
  memory_bytes bigint,
  launch uuid, -- its request for instances (jobs.launches); null: none, or none yet
  -- Highest response_number that the run has sent. Unsent responses with a lower number have a due_at
  -- (jobs.responses_sent).
  sent_through bigint not null default 0
);
create index runs_launch on jobs.runs (launch) where launch is not null and state <> 'ENDED';
create unique index runs_larger on jobs.runs (runner) where larger and state <> 'ENDED';
create unique index runs_slots on jobs.runs (runner, slot) where state <> 'ENDED';
create index runs_ended on jobs.runs (ended_at) where state = 'ENDED';

-- Numbered responses that a run sent and recorded together, with the ids that the queue gave their messages. A row per
-- response would be as many writes as all other changes of a small job.
create table jobs.sendings (
  run_id uuid not null,
  through bigint not null, -- the highest of the numbers
  numbers bigint[] not null,
  messages text[] not null,
  sent_at timestamptz not null,
  primary key (run_id, through)
);
create index sendings_sent on jobs.sendings using brin (sent_at) with (autosummarize = on);

-- State of a runner type that all dispatchers share, such as its back-off after a refused launch.
create table jobs.runners (
  runner text primary key check (runner in ('glue', 'ec2')),
  paused_until timestamptz,
  pauses integer not null default 0,
  version text, -- code version of the newest runs
  tenant_slots integer check (tenant_slots > 0), -- maximum running jobs per tenant; null: no maximum
  larger boolean not null default false -- true if the stack has a larger run of this type
);
insert into jobs.runners (runner) values ('glue'), ('ec2');

-- RunInstances requests, each for several runs. The id is the client token, so that a repeat starts no further
-- instances. It is also a tag of the instances, by which each receives one run of its launch.
create table jobs.launches (
  id uuid primary key default gen_random_uuid(),
  runner text not null check (runner in ('glue', 'ec2')),
  request text not null check (char_length(request) <= 16384), -- its parameters, which a repeat must not change
  target text not null check (char_length(target) <= 128), -- a subnet, with the prefix `spot:` for Spot Instances
  instances integer not null check (instances between 1 and 1000),
  created_at timestamptz not null default jobs.clock(),
  -- Number of times that the request was sent, by one dispatcher at a time; only the last sender may report that no
  -- instance started.
  sends integer not null default 1,
  send_until timestamptz not null, -- not sent after this time, since its slots may soon belong to other runs
  held_until timestamptz not null, -- reserved for its dispatcher until then; afterwards another one repeats it
  answered_at timestamptz, -- null: the outcome is unknown
  started integer
);
create index launches_unanswered on jobs.launches (runner, held_until) where answered_at is null;
create index launches_created on jobs.launches (created_at);

-- Targets that lacked capacity, each with the latest time and reason. All dispatchers share them.
create table jobs.launch_targets (
  runner text not null check (runner in ('glue', 'ec2')),
  target text not null check (char_length(target) <= 128),
  short_at timestamptz not null,
  reason text not null check (char_length(reason) <= 200),
  primary key (runner, target)
);

-- Rates of requests to AWS that all dispatchers share (jobs.take_request).
create table jobs.request_rates (
  name text primary key,
  due timestamptz not null -- due time of the next request at the steady rate
);

-- Rejected requests, stored for people to find: bounded per tenant and day (jobs.reject).
create table jobs.rejected (
  id text primary key, -- of its response
  tenant text collate "C" not null check (char_length(tenant) <= 64),
  request_id text collate "C" not null check (char_length(request_id) <= 128),
  source text not null check (source in ('queue', 'http')),
  error jsonb not null check (pg_column_size(error) <= 65536),
  body text not null check (char_length(body) <= 4000),
  copies integer not null default 1, -- number of times that the request was received; also the version of its document
  created_at timestamptz not null default jobs.clock(),
  last_at timestamptz not null default jobs.clock(), -- time of the last copy
  -- True if the tracking store has its document. A document that the store refused has its own back-off.
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

-- Credentials of callers; only their SHA-256 is stored. A token is for programs, a session for a person who signed in
-- (dashboard, `rates login`); a link signs in once.
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
  parent text references jobs.tokens on delete cascade, -- the credential that created it and with which it ends
  owner text, -- of a session or a link: its parent, or the person at the identity provider
  proof bytea unique, -- SHA-256 of the ID token that created the session; each ID token creates one session
  session_until timestamptz, -- of a link: latest expiry of its session, if a session created the link
  check (kind = 'token' or (expires_at is not null and owner is not null))
);
create index tokens_owner on jobs.tokens (owner, kind, created_at) where owner is not null;
create index tokens_parent on jobs.tokens (parent) where parent is not null;
create index tokens_expiring on jobs.tokens (expires_at) where kind <> 'token';

-- Audit trail: inserted by the API, never updated.
create table jobs.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default jobs.clock(),
  tenant text collate "C" not null check (char_length(tenant) <= 64), -- of the affected jobs
  actor_id text not null,
  actor text not null check (char_length(actor) <= 100),
  via text not null check (via in ('api', 'cli', 'dashboard')),
  action text not null,
  target text not null check (char_length(target) <= 200),
  detail jsonb not null check (pg_column_size(detail) <= 4096)
);
create index audit_tenant on jobs.audit (tenant, id);
create index audit_at on jobs.audit (at);

-- Counters that only grow, even when jobs expire. They include the events of all minutes before
-- jobs.totals_progress.counted_until (jobs.add_totals), with the names of runtime/monitoring/metrics.ts. `type` is an
-- error type, `le` the upper bound of a histogram bucket.
create table jobs.totals (
  metric text not null,
  runner text not null check (runner in ('glue', 'ec2')),
  type text not null check (char_length(type) <= 60),
  le float8 not null,
  value float8 not null,
  primary key (metric, runner, type, le)
);

-- Usage per tenant and month (UTC); kept when jobs expire.
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
