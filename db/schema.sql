-- The schemas public and jobs that the migrations, functions and views of this folder produce; generated, do not edit.
-- Regenerate it after a change: node db/testing/writeSchema.ts
-- Functions are listed with the roles that may execute them; their bodies are in functions/.

create table public.applied_functions (
  file text not null,
  hash text not null,
  applied_at timestamp with time zone default clock_timestamp() not null,
  constraint applied_functions_pkey PRIMARY KEY (file)
);

create table public.migrations (
  id integer default nextval('public.migrations_id_seq'::regclass) not null,
  name character varying(255) not null,
  run_on timestamp without time zone not null,
  constraint migrations_pkey PRIMARY KEY (id)
);

create sequence public.migrations_id_seq;

create table public.ports (
  code text collate "C" not null,
  name text not null,
  parent_slug text collate "C" not null,
  constraint ports_pkey PRIMARY KEY (code),
  constraint ports_parent_slug_fkey FOREIGN KEY (parent_slug) REFERENCES public.regions(slug)
);
CREATE INDEX ports_parent_slug ON public.ports USING btree (parent_slug);
CREATE TRIGGER check_deleted_unused AFTER DELETE ON public.ports REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.check_ports_unused();
CREATE TRIGGER check_renamed_unused AFTER UPDATE ON public.ports REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.check_ports_unused();
grant delete, insert, select, update on public.ports to job_writer;
grant select on public.ports to api_reader;
grant select on public.ports to dispatcher;
grant select on public.ports to price_readers;

create table public.prices (
  orig_code text collate "C" not null,
  dest_code text collate "C" not null,
  day date not null,
  price integer not null,
  constraint prices_dest_code_fkey FOREIGN KEY (dest_code) REFERENCES public.ports(code) NOT ENFORCED,
  constraint prices_orig_code_fkey FOREIGN KEY (orig_code) REFERENCES public.ports(code) NOT ENFORCED,
  constraint prices_price_check CHECK (price > 0)
);
CREATE INDEX prices_lane_day ON public.prices USING btree (orig_code, dest_code, day) INCLUDE (price);
CREATE TRIGGER check_ports_of_inserted AFTER INSERT ON public.prices REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.check_prices_ports();
CREATE TRIGGER check_ports_of_updated AFTER UPDATE ON public.prices REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.check_prices_ports();
grant delete, insert, select, update on public.prices to job_writer;
grant select on public.prices to api_reader;
grant select on public.prices to price_readers;

create table public.regions (
  slug text collate "C" not null,
  name text not null,
  parent_slug text collate "C",
  constraint regions_pkey PRIMARY KEY (slug),
  constraint regions_parent_slug_fkey FOREIGN KEY (parent_slug) REFERENCES public.regions(slug)
);
CREATE INDEX regions_parent_slug ON public.regions USING btree (parent_slug);
grant delete, insert, select, update on public.regions to job_writer;
grant select on public.regions to api_reader;
grant select on public.regions to dispatcher;
grant select on public.regions to price_readers;

create view jobs.active_credentials as
 SELECT id,
    hash,
    kind,
    name,
    tenant,
    scopes,
    created_at,
    expires_at,
    last_used_on,
    parent,
    owner
   FROM jobs.tokens t
  WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > jobs.clock()) AND (parent IS NULL OR (EXISTS ( SELECT
           FROM jobs.tokens p
          WHERE p.id = t.parent AND p.revoked_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > jobs.clock()))));
grant select on jobs.active_credentials to api_reader;

create table jobs.answers (
  id bigint generated always as identity not null,
  response_id text not null,
  tenant text not null,
  request_id text not null,
  body text not null,
  created_at timestamp with time zone default jobs.clock() not null,
  asked_at timestamp with time zone default jobs.clock() not null,
  version bigint default 1 not null,
  due_at timestamp with time zone,
  sent_at timestamp with time zone,
  message_id text,
  constraint answers_pkey PRIMARY KEY (id),
  constraint answers_response_id_key UNIQUE (response_id),
  constraint answers_body_check CHECK (octet_length(body) >= 1 AND octet_length(body) <= 65536)
);
CREATE INDEX answers_created ON jobs.answers USING btree (created_at);
CREATE INDEX answers_due ON jobs.answers USING btree (due_at) WHERE (due_at IS NOT NULL);

create table jobs.audit (
  id bigint generated always as identity not null,
  at timestamp with time zone default jobs.clock() not null,
  tenant text collate "C" not null,
  actor_id text not null,
  actor text not null,
  via text not null,
  action text not null,
  target text not null,
  detail jsonb not null,
  constraint audit_pkey PRIMARY KEY (id),
  constraint audit_actor_check CHECK (char_length(actor) <= 100),
  constraint audit_detail_check CHECK (pg_column_size(detail) <= 4096),
  constraint audit_target_check CHECK (char_length(target) <= 200),
  constraint audit_tenant_check CHECK (char_length(tenant) <= 64),
  constraint audit_via_check CHECK (via = ANY (ARRAY['api'::text, 'cli'::text, 'dashboard'::text]))
);
CREATE INDEX audit_at ON jobs.audit USING btree (at);
CREATE INDEX audit_tenant ON jobs.audit USING btree (tenant, id);
grant select on jobs.audit to api_reader;

create view jobs.base_documents as
 SELECT id,
    tenant,
    request_id,
    version,
    status,
    run_id,
    finished_at,
    response_number,
    sent_at,
    message_id,
    jobs.bounded_document(jsonb_strip_nulls(jsonb_build_object('requestId', request_id, 'tenant', tenant, 'requestHash', request_hash, 'responseId', response_id, 'status', status, 'priority', priority, 'reply', reply, 'runner', runner, 'timeoutSeconds', timeout_seconds, 'traceparent', traceparent, 'leaseUntil', jobs.iso(lease_until), 'cancelRequestedAt', jobs.iso(cancel_requested_at), 'cancelReason', cancel_reason, 'createdAt', jobs.iso(created_at), 'startedAt', jobs.iso(started_at), 'finishedAt', jobs.iso(finished_at), 'progress', progress, 'stats', stats, 'error', error, 'result', result)) || jsonb_build_object('task', COALESCE(redacted -> 'task'::text, task), 'labels', COALESCE(redacted -> 'labels'::text, labels), 'statusHistory', status_history, 'attempts', attempts)) AS document
   FROM jobs.jobs j;
grant select on jobs.base_documents to dispatcher;

create view jobs.documents as
 SELECT d.id,
    d.tenant,
    d.request_id,
    d.version,
    d.status,
    d.run_id,
    d.document ||
        CASE
            WHEN d.finished_at IS NULL THEN '{}'::jsonb
            ELSE jsonb_build_object('response', jsonb_strip_nulls(jsonb_build_object('sentAt', jobs.iso(COALESCE(d.sent_at, s.sent_at)), 'messageId', COALESCE(d.message_id, s.message_id))))
        END AS document
   FROM jobs.base_documents d
     LEFT JOIN LATERAL ( SELECT n.sent_at,
            n.messages[array_position(n.numbers, d.response_number)] AS message_id
           FROM ( SELECT sendings.run_id,
                    sendings.through,
                    sendings.numbers,
                    sendings.messages,
                    sendings.sent_at
                   FROM jobs.sendings
                  WHERE sendings.run_id = d.run_id AND sendings.through >= d.response_number
                  ORDER BY sendings.through
                 LIMIT 1) n
          WHERE d.response_number = ANY (n.numbers)) s ON d.response_number IS NOT NULL;
grant select on jobs.documents to api_reader;
grant select on jobs.documents to dispatcher;

create view jobs.job_responses as
 SELECT id AS job_id,
    response::text AS body
   FROM jobs.jobs
  WHERE finished_at IS NOT NULL;
grant select on jobs.job_responses to api_reader;

create table jobs.jobs (
  id bigint generated always as identity not null,
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  request_hash text not null,
  response_id text not null,
  task jsonb not null,
  redacted jsonb,
  inline json,
  sql text,
  runner jobs.runner_type not null,
  ec2_fallback boolean default false not null,
  priority jobs.priority not null,
  reply jobs.reply default 'queue'::text not null,
  labels jsonb not null,
  timeout_seconds jobs.seconds not null,
  max_attempts jobs.max_attempts not null,
  lease_seconds jobs.seconds not null,
  traceparent jobs.traceparent,
  status jobs.job_status default 'PENDING'::text not null,
  attempt integer default 0 not null,
  run_id uuid,
  lease_until timestamp with time zone,
  deadline timestamp with time zone,
  backend_pid integer,
  backend_start timestamp with time zone,
  cancel_requested_at timestamp with time zone,
  cancel_reason jobs.cancel_reason,
  not_before timestamp with time zone,
  created_at timestamp with time zone default jobs.clock() not null,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  status_history jobs.status_history default '[]'::jsonb not null,
  attempts jobs.attempts default '[]'::jsonb not null,
  progress jobs.progress default '{"rows": 0, "bytes": 0}'::jsonb not null,
  stats jobs.stats,
  error jobs.error,
  result jobs.result,
  response jobs.response,
  due_at timestamp with time zone,
  response_number bigint,
  sent_at timestamp with time zone,
  message_id text,
  version bigint default 1 not null,
  changed xid8 default pg_current_xact_id() not null,
  changed_at timestamp with time zone default jobs.clock() not null,
  high_memory_retry_at timestamp with time zone,
  rank integer not null,
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_tenant_request_id_key UNIQUE (tenant, request_id)
) with (fillfactor=80);
CREATE INDEX jobs_changed ON jobs.jobs USING btree (changed, id);
CREATE INDEX jobs_created ON jobs.jobs USING brin (created_at timestamptz_minmax_multi_ops) WITH (pages_per_range='16', autosummarize='on');
CREATE INDEX jobs_deferred ON jobs.jobs USING btree (not_before) WHERE (((status)::text = 'PENDING'::text) AND (not_before IS NOT NULL));
CREATE INDEX jobs_due ON jobs.jobs USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX jobs_ended ON jobs.jobs USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX jobs_larger ON jobs.jobs USING btree (high_memory_retry_at) WHERE (((status)::text = 'PENDING'::text) AND (high_memory_retry_at IS NOT NULL));
CREATE INDEX jobs_numbered ON jobs.jobs USING btree (run_id, response_number) WHERE ((response_number IS NOT NULL) AND (due_at IS NULL) AND (sent_at IS NULL));
CREATE INDEX jobs_pending ON jobs.jobs USING btree (runner, tenant, not_before, rank DESC, created_at, id) WHERE ((status)::text = 'PENDING'::text);
CREATE INDEX jobs_running ON jobs.jobs USING btree (tenant, runner) WHERE ((status)::text = 'IN_PROGRESS'::text);
CREATE INDEX jobs_running_run ON jobs.jobs USING btree (run_id) WHERE ((status)::text = 'IN_PROGRESS'::text);
CREATE INDEX jobs_waiting ON jobs.jobs USING btree (runner, rank DESC, created_at, id) WHERE (((status)::text = 'PENDING'::text) AND (not_before IS NULL));

create table jobs.launch_targets (
  runner text not null,
  target text not null,
  short_at timestamp with time zone not null,
  reason text not null,
  constraint launch_targets_pkey PRIMARY KEY (runner, target),
  constraint launch_targets_reason_check CHECK (char_length(reason) <= 200),
  constraint launch_targets_runner_check CHECK (runner = ANY (ARRAY['glue'::text, 'ec2'::text])),
  constraint launch_targets_target_check CHECK (char_length(target) <= 128)
);

create table jobs.launches (
  id uuid default gen_random_uuid() not null,
  runner text not null,
  request text not null,
  target text not null,
  instances integer not null,
  created_at timestamp with time zone default jobs.clock() not null,
  sends integer default 1 not null,
  send_until timestamp with time zone not null,
  held_until timestamp with time zone not null,
  answered_at timestamp with time zone,
  started integer,
  constraint launches_pkey PRIMARY KEY (id),
  constraint launches_instances_check CHECK (instances >= 1 AND instances <= 1000),
  constraint launches_request_check CHECK (char_length(request) <= 16384),
  constraint launches_runner_check CHECK (runner = ANY (ARRAY['glue'::text, 'ec2'::text])),
  constraint launches_target_check CHECK (char_length(target) <= 128)
);
CREATE INDEX launches_created ON jobs.launches USING btree (created_at);
CREATE INDEX launches_unanswered ON jobs.launches USING btree (runner, held_until) WHERE (answered_at IS NULL);

create view jobs.pending_responses as
 SELECT j.id AS job_id,
    r.id AS run_id,
    j.finished_at
   FROM jobs.runs r
     CROSS JOIN LATERAL ( SELECT n.id,
            n.finished_at
           FROM jobs.jobs n
          WHERE n.run_id = r.id AND n.response_number > r.sent_through AND n.due_at IS NULL AND n.sent_at IS NULL
          ORDER BY n.response_number
         LIMIT 1000) j
  WHERE r.state <> 'ENDED'::text;

create table jobs.pending_traces (
  job_id bigint not null,
  due_at timestamp with time zone not null,
  constraint pending_traces_pkey PRIMARY KEY (job_id)
);
CREATE INDEX pending_traces_due ON jobs.pending_traces USING btree (due_at, job_id);

create table jobs.rejected (
  id text not null,
  tenant text collate "C" not null,
  request_id text collate "C" not null,
  source text not null,
  error jsonb not null,
  body text not null,
  copies integer default 1 not null,
  created_at timestamp with time zone default jobs.clock() not null,
  last_at timestamp with time zone default jobs.clock() not null,
  tracked boolean default false not null,
  failures integer default 0 not null,
  not_before timestamp with time zone,
  constraint rejected_pkey PRIMARY KEY (id),
  constraint rejected_body_check CHECK (char_length(body) <= 4000),
  constraint rejected_error_check CHECK (pg_column_size(error) <= 65536),
  constraint rejected_request_id_check CHECK (char_length(request_id) <= 128),
  constraint rejected_source_check CHECK (source = ANY (ARRAY['queue'::text, 'http'::text])),
  constraint rejected_tenant_check CHECK (char_length(tenant) <= 64)
);
CREATE INDEX rejected_created ON jobs.rejected USING btree (created_at);
CREATE INDEX rejected_newest ON jobs.rejected USING btree (tenant, last_at DESC, id DESC);
CREATE INDEX rejected_untracked ON jobs.rejected USING btree (failures, id) WHERE (NOT tracked);
grant select on jobs.rejected to dispatcher;

create table jobs.rejected_days (
  tenant text collate "C" not null,
  day date not null,
  requests bigint not null,
  constraint rejected_days_pkey PRIMARY KEY (tenant, day)
);

create view jobs.rejected_documents as
 SELECT id,
    tenant,
    copies AS version,
    tracked,
    failures,
    not_before,
    jsonb_build_object('rejectedId', id, 'requestId', request_id, 'tenant', tenant, 'status', 'REJECTED', 'source', source, 'copies', copies, 'createdAt', jobs.iso(created_at), 'finishedAt', jobs.iso(created_at), 'lastSeenAt', jobs.iso(last_at), 'error', error, 'body', body, 'labels', '{}'::jsonb) AS document,
    request_id,
    source,
    copies,
    created_at,
    last_at,
    error ->> 'type'::text AS error_type,
    error ->> 'message'::text AS error_message,
    body
   FROM jobs.rejected;
grant select on jobs.rejected_documents to api_reader;
grant select on jobs.rejected_documents to dispatcher;

create table jobs.reply_requests (
  job_id bigint not null,
  constraint reply_requests_pkey PRIMARY KEY (job_id)
);

create table jobs.request_rates (
  name text not null,
  due timestamp with time zone not null,
  constraint request_rates_pkey PRIMARY KEY (name)
);

create sequence jobs.response_numbers;

create view jobs.responses as
 SELECT j.id,
    j.id AS job_id,
    j.response_id,
    j.tenant,
    j.request_id,
    j.status::text AS status,
    j.response::text AS body,
    j.finished_at AS created_at,
        CASE
            WHEN u.job_id IS NULL THEN j.due_at
            ELSE u.finished_at + '00:00:10'::interval
        END AS due_at,
    COALESCE(j.sent_at, s.sent_at) AS sent_at,
    COALESCE(j.message_id, s.message_id) AS message_id,
    j.version,
    j.changed_at AS asked_at
   FROM jobs.jobs j
     LEFT JOIN jobs.pending_responses u ON u.job_id = j.id
     LEFT JOIN LATERAL ( SELECT n.sent_at,
            n.messages[array_position(n.numbers, j.response_number)] AS message_id
           FROM ( SELECT sendings.run_id,
                    sendings.through,
                    sendings.numbers,
                    sendings.messages,
                    sendings.sent_at
                   FROM jobs.sendings
                  WHERE sendings.run_id = j.run_id AND sendings.through >= j.response_number
                  ORDER BY sendings.through
                 LIMIT 1) n
          WHERE j.response_number = ANY (n.numbers)) s ON j.response_number IS NOT NULL
  WHERE j.finished_at IS NOT NULL
UNION ALL
 SELECT - answers.id AS id,
    NULL::bigint AS job_id,
    answers.response_id,
    answers.tenant,
    answers.request_id,
    'FAILED'::text AS status,
    answers.body,
    answers.created_at,
    answers.due_at,
    answers.sent_at,
    answers.message_id,
    answers.version,
    answers.asked_at
   FROM jobs.answers;
grant select on jobs.responses to api_reader;

create table jobs.runners (
  runner text not null,
  paused_until timestamp with time zone,
  pauses integer default 0 not null,
  version text,
  tenant_slots integer,
  larger boolean default false not null,
  constraint runners_pkey PRIMARY KEY (runner),
  constraint runners_runner_check CHECK (runner = ANY (ARRAY['glue'::text, 'ec2'::text])),
  constraint runners_tenant_slots_check CHECK (tenant_slots > 0)
);
grant select on jobs.runners to api_reader;
grant select on jobs.runners to dispatcher;

create table jobs.runs (
  id uuid default gen_random_uuid() not null,
  runner text not null,
  slot integer not null,
  version text not null,
  state text default 'STARTING'::text not null,
  external_id text,
  created_at timestamp with time zone default jobs.clock() not null,
  start_deadline timestamp with time zone not null,
  started_at timestamp with time zone,
  seen_at timestamp with time zone,
  stop_at timestamp with time zone,
  ended_at timestamp with time zone,
  outcome text,
  larger boolean default false not null,
  memory_bytes bigint,
  launch uuid,
  sent_through bigint default 0 not null,
  constraint runs_pkey PRIMARY KEY (id),
  constraint runs_runner_check CHECK (runner = ANY (ARRAY['glue'::text, 'ec2'::text])),
  constraint runs_slot_check CHECK (slot > 0),
  constraint runs_state_check CHECK (state = ANY (ARRAY['STARTING'::text, 'RUNNING'::text, 'RETIRING'::text, 'ENDED'::text]))
);
CREATE INDEX runs_ended ON jobs.runs USING btree (ended_at) WHERE (state = 'ENDED'::text);
CREATE INDEX runs_launch ON jobs.runs USING btree (launch) WHERE ((launch IS NOT NULL) AND (state <> 'ENDED'::text));
CREATE UNIQUE INDEX runs_larger ON jobs.runs USING btree (runner) WHERE (larger AND (state <> 'ENDED'::text));
CREATE UNIQUE INDEX runs_slots ON jobs.runs USING btree (runner, slot) WHERE (state <> 'ENDED'::text);
grant select on jobs.runs to api_reader;
grant select on jobs.runs to dispatcher;

create table jobs.sendings (
  run_id uuid not null,
  through bigint not null,
  numbers bigint[] not null,
  messages text[] not null,
  sent_at timestamp with time zone not null,
  constraint sendings_pkey PRIMARY KEY (run_id, through)
);
CREATE INDEX sendings_sent ON jobs.sendings USING brin (sent_at) WITH (autosummarize='on');

create table jobs.tokens (
  id text not null,
  hash bytea not null,
  kind text default 'token'::text not null,
  name text not null,
  tenant text not null,
  scopes text[] not null,
  created_at timestamp with time zone default jobs.clock() not null,
  expires_at timestamp with time zone,
  last_used_on date,
  revoked_at timestamp with time zone,
  parent text,
  owner text,
  proof bytea,
  session_until timestamp with time zone,
  constraint tokens_pkey PRIMARY KEY (id),
  constraint tokens_hash_key UNIQUE (hash),
  constraint tokens_proof_key UNIQUE (proof),
  constraint tokens_parent_fkey FOREIGN KEY (parent) REFERENCES jobs.tokens(id) ON DELETE CASCADE,
  constraint tokens_check CHECK (kind = 'token'::text OR expires_at IS NOT NULL AND owner IS NOT NULL),
  constraint tokens_kind_check CHECK (kind = ANY (ARRAY['token'::text, 'session'::text, 'link'::text])),
  constraint tokens_scopes_check CHECK (scopes <@ ARRAY['read'::text, 'submit'::text, 'update'::text, 'cancel'::text, 'admin'::text])
);
CREATE INDEX tokens_expiring ON jobs.tokens USING btree (expires_at) WHERE (kind <> 'token'::text);
CREATE INDEX tokens_owner ON jobs.tokens USING btree (owner, kind, created_at) WHERE (owner IS NOT NULL);
CREATE INDEX tokens_parent ON jobs.tokens USING btree (parent) WHERE (parent IS NOT NULL);
grant select on jobs.tokens to api_reader;

create table jobs.totals (
  metric text not null,
  runner text not null,
  type text not null,
  le double precision not null,
  value double precision not null,
  constraint totals_pkey PRIMARY KEY (metric, runner, type, le),
  constraint totals_runner_check CHECK (runner = ANY (ARRAY['glue'::text, 'ec2'::text])),
  constraint totals_type_check CHECK (char_length(type) <= 60)
);
grant select on jobs.totals to api_reader;

create table jobs.totals_progress (
  one boolean default true not null,
  counted_until timestamp with time zone default date_trunc('minute'::text, jobs.clock()) not null,
  constraint totals_progress_pkey PRIMARY KEY (one),
  constraint totals_progress_one_check CHECK (one)
);
grant select on jobs.totals_progress to api_reader;

create table jobs.trace_pause (
  one boolean default true not null,
  failures integer default 0 not null,
  paused_until timestamp with time zone default '-infinity'::timestamp with time zone not null,
  constraint trace_pause_pkey PRIMARY KEY (one),
  constraint trace_pause_one_check CHECK (one)
);

create table jobs.tracking_pause (
  one boolean default true not null,
  failures integer default 0 not null,
  paused_until timestamp with time zone default '-infinity'::timestamp with time zone not null,
  constraint tracking_pause_pkey PRIMARY KEY (one),
  constraint tracking_pause_one_check CHECK (one)
);
grant select, update on jobs.tracking_pause to dispatcher;

create table jobs.tracking_progress (
  one boolean default true not null,
  pass bigint default 0 not null,
  done pg_snapshot default '1:1:'::pg_snapshot not null,
  until pg_snapshot,
  last_changed xid8 default '0'::xid8 not null,
  last_id bigint default 0 not null,
  constraint tracking_progress_pkey PRIMARY KEY (one),
  constraint tracking_progress_one_check CHECK (one)
);

create table jobs.tracking_refused (
  job_id bigint not null,
  failures integer default 1 not null,
  not_before timestamp with time zone not null,
  since timestamp with time zone default jobs.clock() not null,
  constraint tracking_refused_pkey PRIMARY KEY (job_id),
  constraint tracking_refused_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs.jobs(id) ON DELETE CASCADE
);

create view jobs.untracked as
 SELECT c.job_id,
    c.since,
    false AS refused
   FROM jobs.tracking_progress p,
    LATERAL ( SELECT j.id AS job_id,
            j.changed,
            j.changed_at AS since
           FROM jobs.jobs j
          WHERE j.changed >= pg_snapshot_xmax(p.done)
        UNION ALL
         SELECT j.id,
            j.changed,
            j.changed_at
           FROM pg_snapshot_xip(p.done) open_transaction(open_transaction)
             JOIN jobs.jobs j ON j.changed = open_transaction.open_transaction) c
  WHERE p.until IS NULL OR NOT pg_visible_in_snapshot(c.changed, p.until) OR ((ROW(c.changed, c.job_id) > ROW(p.last_changed, p.last_id)))
UNION ALL
 SELECT tracking_refused.job_id,
    tracking_refused.since,
    true AS refused
   FROM jobs.tracking_refused;

create table jobs.usage (
  tenant text collate "C" not null,
  month date not null,
  succeeded bigint not null,
  failed bigint not null,
  cancelled bigint not null,
  rows bigint not null,
  bytes bigint not null,
  glue_seconds double precision not null,
  ec2_seconds double precision not null,
  constraint usage_pkey PRIMARY KEY (month, tenant),
  constraint usage_tenant_check CHECK (char_length(tenant) <= 64)
);
grant select on jobs.usage to api_reader;

create table jobs.waiting_counts (
  tenant text collate "C" not null,
  waiting bigint not null,
  sequence_value bigint not null,
  full_until timestamp with time zone,
  constraint waiting_counts_pkey PRIMARY KEY (tenant)
);

-- function jobs.accept(requests json) returns TABLE(ordinal integer, outcome text, job_id bigint, status text, answered boolean)
--   callers: api_reader, dispatcher
-- function jobs.activity(p_tenant text, p_seconds integer, p_steps integer, p_near bigint, p_until timestamp with time zone) returns jsonb
--   callers: api_reader
-- function jobs.add_totals(p_buckets double precision[], p_minutes integer, p_months integer) returns timestamp with time zone
--   callers: dispatcher
-- function jobs.assign_instances(p_launch uuid, p_instances text[]) returns text[]
--   callers: dispatcher
-- function jobs.begin_launch(p_runner text, p_version text, p_request text, p_targets text[], p_limit integer, p_hold_seconds double precision, p_rate text, p_burst integer, p_per_second double precision) returns json
--   callers: dispatcher
-- function jobs.bounded_detail(detail json) returns text
--   callers: none
-- function jobs.bounded_details(details json, most_bytes integer) returns json
--   callers: none
-- function jobs.bounded_document(document jsonb) returns jsonb
--   callers: api_reader, dispatcher
-- function jobs.bounded_error(error json) returns json
--   callers: none
-- function jobs.bounded_labels(labels jsonb) returns jsonb
--   callers: none
-- function jobs.cancel(p_tenant text, p_request_id text, p_reason text) returns text
--   callers: api_reader
-- function jobs.cancelled(p_reason text) returns json
--   callers: none
-- function jobs.claim(p_run uuid, p_pid integer, p_backend_start timestamp with time zone, p_log text, p_sent bigint[], p_versions bigint[], p_messages text[]) returns json
--   callers: job_keeper
-- function jobs.claimable(p_runner text, p_tenant_slots integer, p_limit integer) returns integer
--   callers: none
-- function jobs.clock() returns timestamp with time zone
--   callers: api_reader, dispatcher, job_keeper
-- function jobs.close_runners(p_closed boolean) returns void
--   callers: dispatcher
-- function jobs.discard_traces(p_limit integer) returns void
--   callers: dispatcher
-- function jobs.drain(p_run uuid) returns void
--   callers: job_keeper
-- function jobs.due_responses(p_limit integer, p_jobs bigint[]) returns TABLE(response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text)
--   callers: api_reader, dispatcher, job_keeper
-- function jobs.end_attempt(attempts jsonb, at timestamp with time zone, outcome text, peak bigint) returns jsonb
--   callers: none
-- function jobs.end_job(p_job bigint, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint, p_attempt integer, p_run uuid, OUT response_id text, OUT tenant text, OUT request_id text, OUT status text, OUT response_version bigint, OUT body text) returns record
--   callers: none
-- function jobs.escape_noncharacters(json_text text) returns text
--   callers: none
-- function jobs.event(status text, at timestamp with time zone) returns jsonb
--   callers: none
-- function jobs.expire(p_before timestamp with time zone, p_limit integer) returns bigint
--   callers: dispatcher
-- function jobs.expire_audit(p_before timestamp with time zone, p_limit integer) returns bigint
--   callers: dispatcher
-- function jobs.find_job(p_tenant text, p_request_id text, p_request_hash text, p_task jsonb) returns text
--   callers: api_reader, dispatcher
-- function jobs.finish(p_job bigint, p_attempt integer, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint) returns TABLE(response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text)
--   callers: job_keeper, job_writer
-- function jobs.finish_and_claim(p_job bigint, p_attempt integer, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint, p_run uuid, p_pid integer, p_backend_start timestamp with time zone, p_log text, p_sent bigint[], p_versions bigint[], p_messages text[]) returns TABLE(response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text, running boolean, next json)
--   callers: job_keeper
-- function jobs.free_tenant_slots(p_runner text, p_tenant text, p_tenant_slots integer) returns integer
--   callers: none
-- function jobs.heartbeat(p_run uuid, p_job bigint, p_attempt integer, p_progress jsonb) returns text
--   callers: job_keeper
-- function jobs.instance_started(p_launch uuid, p_instance text, p_memory bigint) returns TABLE(run uuid, slot integer)
--   callers: job_keeper
-- function jobs.iso(at timestamp with time zone) returns text
--   callers: api_reader, dispatcher
-- function jobs.job_metrics(p_minutes integer) returns jsonb
--   callers: dispatcher
-- function jobs.launch_answered(p_launch uuid, p_send integer, p_instances text[], p_short text[], p_reason text) returns text[]
--   callers: dispatcher
-- function jobs.launch_unknown(p_launch uuid, p_send integer) returns void
--   callers: dispatcher
-- function jobs.lost_jobs() returns TABLE(job_id bigint, attempt integer, timeout_seconds integer, backend_pid integer, backend_start timestamp with time zone, reason text, run_outcome text)
--   callers: dispatcher
-- function jobs.milliseconds(start timestamp with time zone, finish timestamp with time zone) returns bigint
--   callers: none
-- function jobs.next_claim(p_run uuid, p_pid integer, p_backend_start timestamp with time zone, p_log text, OUT running boolean, OUT job json) returns record
--   callers: none
-- function jobs.next_job(p_runner text, p_tenant_slots integer) returns bigint
--   callers: none
-- function jobs.next_larger_job(p_runner text, p_tenant_slots integer) returns bigint
--   callers: none
-- function jobs.next_traces(p_limit integer) returns TABLE(id bigint, document jsonb, runs jsonb)
--   callers: dispatcher
-- function jobs.open_runs(p_silent_seconds integer) returns TABLE(run uuid, runner text, external_id text, state text, silent boolean, launch uuid)
--   callers: dispatcher
-- function jobs.overflow(p_glue_slots integer, p_ec2_slots integer, p_glue_tenant_slots integer, p_ec2_tenant_slots integer) returns integer
--   callers: dispatcher
-- function jobs.pause(p_runner text) returns timestamp with time zone
--   callers: none
-- function jobs.plan_all_runs(p_plans json, p_overflow boolean) returns TABLE(runner text, run uuid)
--   callers: dispatcher
-- function jobs.plan_larger(p_runner text, p_slots integer, p_version text, p_start_seconds integer, p_larger boolean) returns SETOF uuid
--   callers: dispatcher
-- function jobs.plan_runs(p_runner text, p_slots integer, p_version text, p_start_seconds integer, p_silent_seconds integer, p_tenant_slots integer) returns SETOF uuid
--   callers: dispatcher
-- function jobs.platform_status(p_minutes integer) returns jsonb
--   callers: api_reader
-- function jobs.record_audit(p_tenant text, p_actor_id text, p_actor text, p_via text, p_action text, p_target text, p_detail jsonb) returns bigint
--   callers: api_reader
-- function jobs.record_session(p_run uuid, p_job bigint, p_attempt integer, p_pid integer, p_backend_start timestamp with time zone) returns boolean
--   callers: job_keeper
-- function jobs.redeem_link(p_link text, p_id text, p_hash text, p_seconds integer) returns TABLE(name text, tenant text, scopes text[], expires_at timestamp with time zone)
--   callers: api_reader
-- function jobs.reject(p_id text, p_tenant text, p_request_id text, p_source text, p_error json, p_body text) returns void
--   callers: api_reader, dispatcher
-- function jobs.request_throttled(p_name text, p_burst integer, p_per_second double precision, p_wait double precision) returns void
--   callers: dispatcher
-- function jobs.respond_now(p_job bigint) returns void
--   callers: none
-- function jobs.response_body(p_response_id text, p_request_id text, p_status text, p_result json, p_error json, p_stats json, p_labels jsonb) returns text
--   callers: none
-- function jobs.responses_sent(p_responses bigint[], p_versions bigint[], p_messages text[]) returns void
--   callers: api_reader, dispatcher, job_keeper
-- function jobs.result_too_large(p_bytes integer) returns json
--   callers: none
-- function jobs.result_without_rows(result json) returns text
--   callers: none
-- function jobs.retire(p_run uuid) returns boolean
--   callers: job_keeper
-- function jobs.retry(p_job bigint, p_attempt integer, p_error json, p_peak bigint) returns text
--   callers: job_keeper
-- function jobs.revoke_token(p_id text) returns boolean
--   callers: api_reader
-- function jobs.run_ended(p_run uuid, p_outcome text) returns void
--   callers: dispatcher
-- function jobs.run_launched(p_run uuid, p_external_id text) returns void
--   callers: dispatcher
-- function jobs.run_refused(p_run uuid, p_reason text) returns timestamp with time zone
--   callers: dispatcher
-- function jobs.run_started(p_run uuid, p_memory bigint) returns integer
--   callers: job_keeper
-- function jobs.run_stopping(p_run uuid) returns void
--   callers: dispatcher
-- function jobs.runner_load(p_runner text) returns TABLE(running integer, working integer, waiting integer)
--   callers: api_reader
-- function jobs.settle_lost(p_job bigint, p_attempt integer, p_reason text, p_error json) returns text
--   callers: dispatcher
-- function jobs.start_attempt(p_job bigint, p_run uuid, p_runner text, p_memory bigint, p_pid integer, p_backend_start timestamp with time zone, p_log text, p_at timestamp with time zone) returns json
--   callers: none
-- function jobs.store_answer(p_response_id text, p_tenant text, p_request_id text, p_error json, p_labels jsonb, p_traceparent text) returns TABLE(response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text)
--   callers: api_reader, dispatcher
-- function jobs.store_session(p_id text, p_hash text, p_kind text, p_name text, p_tenant text, p_scopes text[], p_parent text, p_owner text, p_proof text, p_seconds integer, p_until timestamp with time zone) returns timestamp with time zone
--   callers: api_reader
-- function jobs.store_token(p_id text, p_hash text, p_name text, p_tenant text, p_scopes text[], p_expires_at timestamp with time zone) returns void
--   callers: api_reader
-- function jobs.stored_request(p_tenant text, p_request_id text) returns json
--   callers: api_reader
-- function jobs.take_request(p_name text, p_burst integer, p_per_second double precision) returns double precision
--   callers: dispatcher
-- function jobs.token_used(p_id text) returns void
--   callers: api_reader
-- function jobs.traced_body(p_body text, p_traceparent text) returns text
--   callers: none
-- function jobs.traces_exported(p_jobs bigint[], p_is_failed boolean) returns void
--   callers: dispatcher
-- function jobs.track_all() returns bigint
--   callers: dispatcher
-- function jobs.tracked(p_pass bigint, p_changed xid8, p_id bigint, p_is_last boolean, p_written bigint[], p_refused bigint[]) returns void
--   callers: dispatcher
-- function jobs.truncate_text(value text, max_length integer) returns text
--   callers: none
-- function jobs.untracked_batch(p_limit integer) returns TABLE(id bigint, version bigint, document jsonb, pauses integer, pass bigint, last_changed xid8, last_id bigint, is_last boolean)
--   callers: dispatcher
-- function jobs.waiting_capacity(p_tenant text, p_wanted integer, p_maximum integer) returns integer
--   callers: none
-- function jobs.waiting_place(p_tenant text, p_request_id text) returns jsonb
--   callers: api_reader
-- function jobs.waiting_tenants(p_runner text) returns SETOF text
--   callers: none
-- function jobs.wake_runs(p_runner text, p_runs integer) returns void
--   callers: none
-- function jobs.wake_tenant(p_runner text, p_tenant text) returns void
--   callers: none
-- function jobs.with_event(history jsonb, status text, at timestamp with time zone) returns jsonb
--   callers: none
-- function jobs.would_start(p_runner text, p_slots integer, p_tenant text, p_tenant_slots integer) returns boolean
--   callers: api_reader
-- function public.bytes_of_plans(p_statements text[]) returns SETOF double precision
--   callers: job_reader_plan
-- function public.check_ports_unused() returns trigger
--   callers: none
-- function public.check_prices_ports() returns trigger
--   callers: none
-- function public.daily_sums(p_origins text[], p_destinations text[], p_first date[], p_last date[]) returns SETOF text
--   callers: api_reader
-- function public.plan_of(p_statement text, p_max_length integer) returns TABLE(rows double precision, width double precision, cost double precision, plan text, is_whole boolean)
--   callers: job_reader_plan
-- function public.ports_of(place text) returns text[]
--   callers: api_reader, price_readers
