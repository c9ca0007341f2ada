-- The job protocol: every transition of a job is one of these functions, so that both runners (TypeScript and the
-- Glue job in Python), the dispatcher and the API keep one contract, and each role may do its own transitions only.
set local role migrator;

-- 2021-01-31T12:00:00.123Z
create function jobs.iso(at timestamptz) returns text language sql immutable
  as $$ select to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

create function jobs.milliseconds(start timestamptz, finish timestamptz) returns bigint language sql immutable
  as $$ select greatest(0, floor(extract(epoch from finish - start) * 1000))::bigint $$;

create function jobs.event(status text, at timestamptz) returns jsonb language sql immutable
  as $$ select jsonb_build_array(jsonb_build_object('status', status, 'at', jobs.iso(at))) $$;

-- The last attempt with its end filled in.
create function jobs.end_attempt(attempts jsonb, at timestamptz, outcome text, peak bigint) returns jsonb language sql immutable
  as $$
    select case when jsonb_array_length(attempts) = 0 then attempts
      else jsonb_set(attempts, '{-1}', (attempts -> -1) || jsonb_strip_nulls(jsonb_build_object(
        'endedAt', jobs.iso(at), 'outcome', outcome, 'peakMemoryBytes', peak))) end
  $$;

-- Every change of a job marks its tracking document as behind, in the same transaction.
create function jobs.mark_document() returns trigger language plpgsql as $$
begin
  insert into jobs.tracking_outbox (job_id, version) values (new.id, new.version)
  on conflict (job_id) do update set version = excluded.version;
  return null;
end
$$;
create trigger mark_made after insert on jobs.jobs for each row execute function jobs.mark_document();
-- A longer lease alone is nothing to tell.
create trigger mark_changed after update on jobs.jobs for each row when (old.version <> new.version) execute function jobs.mark_document();

-- Takes requests in, all of a batch in one statement. Input: a JSON array of
--   {tenant, requestId, requestHash, responseId, task, inline, sql, runner, elsewhere, priority, labels, timeoutSeconds, maxAttempts, leaseSeconds}.
-- Answers a row for each, in order: ACCEPTED, REPEATED (the same task: the same job) or CONFLICT (another task).
-- A repeated request whose job has ended gets its response again: answered says that it is due (due_responses).
create function jobs.accept(requests json)
returns table (ordinal integer, outcome text, job_id bigint, status text, answered boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  created bigint[];
  kinds text[];
begin
  with made as (
    insert into jobs.jobs (tenant, request_id, request_hash, response_id, task, inline, sql, runner, elsewhere, priority, labels,
                           timeout_seconds, max_attempts, lease_seconds, created_at, rank, status_history)
    select r.tenant, r."requestId", r."requestHash", r."responseId", r.task, r.inline, r.sql, r.runner, r.elsewhere, r.priority, r.labels,
           r."timeoutSeconds", r."maxAttempts", r."leaseSeconds", moment,
           r.priority - floor(extract(epoch from moment) / 60)::integer, jobs.event('PENDING', moment)
    from rows from (json_to_recordset(requests) as (tenant text, "requestId" text, "requestHash" text, "responseId" text, task jsonb,
      inline json, sql text, runner text, elsewhere boolean, priority smallint, labels jsonb, "timeoutSeconds" integer, "maxAttempts" integer, "leaseSeconds" integer)) with ordinality as r
    -- In key order, so that two batches with the same ids never wait for each other in a circle.
    order by r.tenant, r."requestId", r.ordinality
    -- Whichever unique index sees the other's row first: with one named, the race for the others would be an error.
    on conflict do nothing
    returning id, runner)
  select coalesce(array_agg(id), '{}'), coalesce(array_agg(distinct runner), '{}') into created, kinds from made;
  perform pg_notify('jobs_waiting_' || kind, '') from unnest(kinds) kind;

  return query
    with asked as (
      select r.position::integer as position, r.request->>'tenant' as tenant, r.request->>'requestId' as request_id, r.request->>'requestHash' as request_hash,
             row_number() over (partition by r.request->>'tenant', r.request->>'requestId' order by r.position) as turn
      from json_array_elements(requests) with ordinality r(request, position)
    ), again as (
      update jobs.responses p set sent_at = null, due_at = moment + interval '10 seconds'
      from asked a join jobs.jobs j on j.tenant = a.tenant and j.request_id = a.request_id and j.request_hash = a.request_hash
      where p.job_id = j.id and a.turn = 1
      returning p.job_id
    )
    select a.position, case when j.request_hash <> a.request_hash then 'CONFLICT' when j.id = any (created) and a.turn = 1 then 'ACCEPTED' else 'REPEATED' end,
           j.id, j.status, g.job_id is not null
    from asked a
    join jobs.jobs j on j.tenant = a.tenant and j.request_id = a.request_id
    left join again g on g.job_id = j.id and j.request_hash = a.request_hash
    order by a.position;
end
$$;

-- Keeps an answer to a request that makes no job (invalid, or in conflict with an earlier one); a repeat gets the same
-- answer again.
create function jobs.answer(p_response_id text, p_tenant text, p_request_id text, p_status text, p_body text)
returns bigint language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.responses (response_id, tenant, request_id, status, body, due_at)
  values (p_response_id, p_tenant, p_request_id, p_status, p_body, jobs.clock() + interval '10 seconds')
  on conflict (response_id) do update set sent_at = null, due_at = excluded.due_at
  returning id
$$;

-- Gives a run the next waiting job of its kind: the highest rank (priority plus a point a minute waited), within it
-- the tenant with the fewest running, then the oldest. The tenants of the rank are found by jumping along the index,
-- so that a claim costs the same whether ten jobs wait or a hundred thousand.
-- Null: nothing waits for this run. Error P0002 (no_data_found): it is no longer one (reaped, retired), and has to exit.
-- A run older than the code that was deployed since gets nothing more, and is retired by asking.
create function jobs.claim(p_run uuid, p_pid integer, p_backend_start timestamptz, p_log text)
returns json language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  kind text;
  current boolean;
  best integer;
  candidate text;
  chosen bigint;
  moment timestamptz := jobs.clock();
  job jobs.jobs;
begin
  update jobs.runs r set seen_at = moment, state = case when r.version = coalesce(k.version, r.version) then 'RUNNING' else 'RETIRING' end
  from jobs.runners k
  where r.id = p_run and r.state = 'RUNNING' and k.runner = r.runner
  returning r.runner, r.state = 'RUNNING' into kind, current;
  if not found then raise no_data_found using message = format('run %s is not running', p_run); end if;
  if not current then return null; end if;

  select rank into best from jobs.jobs where runner = kind and status = 'PENDING' and not_before is null order by rank desc limit 1;
  while best is not null and chosen is null loop
    for candidate in
      with recursive waiting(tenant) as (
        (select tenant from jobs.jobs where runner = kind and status = 'PENDING' and not_before is null and rank = best order by tenant limit 1)
        union all
        select (select tenant from jobs.jobs where runner = kind and status = 'PENDING' and not_before is null and rank = best and tenant > w.tenant
                order by tenant limit 1)
        from waiting w where w.tenant is not null
      )
      select w.tenant from waiting w where w.tenant is not null
      order by (select count(*) from jobs.jobs r where r.tenant = w.tenant and r.status = 'IN_PROGRESS'),
               (select min(j.created_at) from jobs.jobs j where j.runner = kind and j.status = 'PENDING' and j.not_before is null and j.rank = best and j.tenant = w.tenant)
    loop
      select id into chosen from jobs.jobs
      where runner = kind and status = 'PENDING' and not_before is null and rank = best and tenant = candidate
      order by created_at, id limit 1 for update skip locked;
      exit when chosen is not null;
    end loop;
    -- All of this rank are being taken by others at this moment: look one rank lower.
    if chosen is null then
      select rank into best from jobs.jobs where runner = kind and status = 'PENDING' and not_before is null and rank < best order by rank desc limit 1;
    end if;
  end loop;
  if chosen is null then return null; end if;

  update jobs.jobs set
    status = 'IN_PROGRESS', attempt = attempt + 1, run_id = p_run, backend_pid = p_pid, backend_start = p_backend_start,
    lease_until = moment + make_interval(secs => lease_seconds), deadline = moment + make_interval(secs => timeout_seconds),
    started_at = coalesce(started_at, moment), progress = '{"rows": 0, "bytes": 0}',
    attempts = attempts || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      'runner', kind, 'runId', p_run, 'startedAt', jobs.iso(moment), 'logLocation', p_log))),
    status_history = status_history || jobs.event('IN_PROGRESS', moment), version = version + 1
  where id = chosen returning * into job;

  return json_build_object('id', job.id, 'attempt', job.attempt, 'maxAttempts', job.max_attempts, 'tenant', job.tenant, 'requestId', job.request_id, 'responseId', job.response_id,
    'task', job.task, 'inline', job.inline, 'sql', job.sql, 'timeoutSeconds', job.timeout_seconds, 'leaseSeconds', job.lease_seconds);
end
$$;

-- A run's sign of life for its job: extends the lease and records progress. Answers KEEP; CANCEL (somebody asked for
-- it: end the session, then say so by finish); or LOST (the job is somebody else's by now: stop, write nothing).
create function jobs.heartbeat(p_run uuid, p_job bigint, p_attempt integer, p_progress jsonb)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  cancelled timestamptz;
begin
  update jobs.runs set seen_at = moment where id = p_run and state = 'RUNNING';
  if not found then return 'LOST'; end if;
  update jobs.jobs set lease_until = moment + make_interval(secs => lease_seconds),
    version = version + (progress <> p_progress)::integer, progress = p_progress
  where id = p_job and attempt = p_attempt and run_id = p_run and status = 'IN_PROGRESS'
  returning cancel_requested_at into cancelled;
  if not found then return 'LOST'; end if;
  return case when cancelled is null then 'KEEP' else 'CANCEL' end;
end
$$;

-- Records which session does the work now (a run that had to open another one).
create function jobs.working(p_run uuid, p_job bigint, p_attempt integer, p_pid integer, p_backend_start timestamptz)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with changed as (
    update jobs.jobs set backend_pid = p_pid, backend_start = p_backend_start
    where id = p_job and attempt = p_attempt and run_id = p_run and status = 'IN_PROGRESS' returning 1)
  select exists (select from changed)
$$;

-- Ends a job whatever its state: internal, called by the functions below that know the state is right.
create function jobs.end_job(p_job bigint, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, body text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  job jobs.jobs;
  figures json;
  answer text;
begin
  select * into strict job from jobs.jobs where id = p_job for update;
  figures := json_build_object(
    'queueMs', jobs.milliseconds(job.created_at, coalesce((job.attempts -> -1 ->> 'startedAt')::timestamptz, moment)),
    'executionMs', jobs.milliseconds(coalesce((job.attempts -> -1 ->> 'startedAt')::timestamptz, moment), moment),
    'totalMs', jobs.milliseconds(job.created_at, moment),
    'rows', p_rows, 'bytes', p_bytes, 'peakMemoryBytes', p_peak, 'attempts', job.attempt);
  answer := (case when p_status = 'SUCCEEDED'
    then json_build_object('responseId', job.response_id, 'requestId', job.request_id, 'status', p_status, 'result', p_result, 'stats', figures, 'labels', job.labels)
    else json_build_object('responseId', job.response_id, 'requestId', job.request_id, 'status', p_status, 'error', p_error, 'stats', figures, 'labels', job.labels)
  end)::text;
  -- The two characters that JSON and Postgres allow and SQS refuses.
  answer := replace(replace(answer, U&'\FFFE', '\ufffe'), U&'\FFFF', '\uffff');

  update jobs.jobs set
    status = p_status, finished_at = moment, lease_until = null, deadline = null, not_before = null,
    result = case when p_status = 'SUCCEEDED' then (p_result::jsonb - 'inline') end,
    error = p_error::jsonb, stats = figures::jsonb,
    -- kept where `rates retry` may want it again
    inline = case when p_status <> 'SUCCEEDED' then inline end, sql = null,
    progress = progress || jsonb_build_object('rows', p_rows, 'bytes', p_bytes),
    attempts = jobs.end_attempt(attempts, moment, p_status, p_peak),
    status_history = status_history || jobs.event(p_status, moment), version = version + 1
  where id = p_job;

  return query
    insert into jobs.responses (job_id, response_id, tenant, request_id, status, body, due_at)
    values (p_job, job.response_id, job.tenant, job.request_id, p_status, answer, moment + interval '10 seconds')
    returning id, responses.response_id, responses.tenant, responses.request_id, responses.status, responses.body;
end
$$;

-- The fence: ends a job only if this attempt still holds it, and freezes its response. The last statement before the
-- COMMIT of an update; no row means that the job was given away, and the caller must ROLLBACK.
create function jobs.finish(p_job bigint, p_attempt integer, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, body text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from jobs.jobs where id = p_job and attempt = p_attempt and jobs.status = 'IN_PROGRESS' for update;
  if not found then return; end if;
  return query select * from jobs.end_job(p_job, p_status, p_result, p_error, p_rows, p_bytes, p_peak);
end
$$;

-- An attempt failed for a reason that may pass: back to PENDING after a pause that doubles with each attempt (2 s to
-- 5 min), or, its attempts used up, FAILED with that reason. RETRIED, FAILED (a response is due), or LOST.
create function jobs.retry(p_job bigint, p_attempt integer, p_error json, p_peak bigint)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  job jobs.jobs;
begin
  select * into job from jobs.jobs where id = p_job and attempt = p_attempt and status = 'IN_PROGRESS' for update;
  if not found then return 'LOST'; end if;
  if job.cancel_requested_at is not null then
    perform jobs.end_job(p_job, 'CANCELLED', null, jobs.cancelled(), 0, 0, p_peak);
    return 'CANCELLED';
  end if;
  if job.attempt >= job.max_attempts then
    perform jobs.end_job(p_job, 'FAILED', null, p_error, 0, 0, p_peak);
    return 'FAILED';
  end if;
  update jobs.jobs set
    -- Streaming takes the same memory for any result, so it is the query's own: another run of the same size would fail too.
    runner = case when p_error ->> 'type' = 'OutOfMemory' and elsewhere then 'ec2' else runner end,
    status = 'PENDING', run_id = null, lease_until = null, deadline = null, backend_pid = null, backend_start = null,
    not_before = moment + make_interval(secs => least(300, 2 ^ attempt)),
    error = p_error::jsonb,
    attempts = jobs.end_attempt(attempts, moment, p_error ->> 'type', p_peak),
    status_history = status_history || jobs.event('PENDING', moment), version = version + 1
  where id = p_job;
  return 'RETRIED';
end
$$;

-- The error of a cancelled job, as the registry in runtime/jobs/errors.ts has it (a test compares the two).
create function jobs.cancelled() returns json language sql immutable as $$
  select json_build_object('category', 'User', 'type', 'Cancelled', 'message', 'The job was cancelled on request.', 'retryable', false, 'details', json_build_array())
$$;

-- Makes a job's response due at once: no runner is there to send it.
create function jobs.respond_now(p_job bigint) returns void language sql set search_path = pg_catalog, pg_temp as $$
  update jobs.responses set due_at = jobs.clock() where job_id = p_job and sent_at is null
$$;

-- Asks for the end of a job: one that waits ends at once; a running one is told to its run, which ends its session
-- first. Answers the job's status after that, or null for a job that does not exist.
create function jobs.cancel(p_tenant text, p_request_id text)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  job jobs.jobs;
begin
  select * into job from jobs.jobs where tenant = p_tenant and request_id = p_request_id for update;
  if not found then return null; end if;
  if job.status = 'PENDING' then
    update jobs.jobs set cancel_requested_at = jobs.clock() where id = job.id;
    perform jobs.end_job(job.id, 'CANCELLED', null, jobs.cancelled(), 0, 0, null);
    perform jobs.respond_now(job.id);
    return 'CANCELLED';
  end if;
  if job.status = 'IN_PROGRESS' and job.cancel_requested_at is null then
    update jobs.jobs set cancel_requested_at = jobs.clock(), version = version + 1 where id = job.id;
    perform pg_notify('jobs_run_' || job.run_id, 'cancel');
  end if;
  return job.status;
end
$$;

-- Responses that are due and whose sending nobody recorded (or those of the jobs named), taken for ten seconds by who asks.
create function jobs.due_responses(p_limit integer, p_jobs bigint[] default null)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, body text)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.responses r set due_at = jobs.clock() + interval '10 seconds'
  where r.id in (
    select id from jobs.responses
    where sent_at is null and (case when p_jobs is null then due_at <= jobs.clock() else job_id = any (p_jobs) end)
    order by due_at limit p_limit for update skip locked)
  returning r.id, r.response_id, r.tenant, r.request_id, r.status, r.body
$$;

create function jobs.response_sent(p_response bigint, p_message_id text)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  with sent as (
    update jobs.responses set sent_at = jobs.clock(), message_id = p_message_id where id = p_response returning job_id)
  update jobs.jobs set version = version + 1 where id = (select job_id from sent)
$$;

reset role;
