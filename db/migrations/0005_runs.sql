-- Runs: started by the dispatchers, never more at once than there are slots; and what becomes of lost ones.
set local role migrator;

-- Decides how many runs of a kind to start now, and takes their slots. The row of the runner kind is held for the
-- decision, so that any number of dispatchers decide one after the other. Every waiting job gets a run of its own as
-- far as slots go, less the runs that are free or about to be: those will take it. A run that has been silent for
-- longer than a lease is not counted on, though it keeps its slot until it is known to have ended.
create function jobs.plan_runs(p_runner text, p_slots integer, p_version text, p_start_seconds integer, p_silent_seconds integer)
returns setof uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  pause timestamptz;
  waiting integer;
  free integer;
begin
  update jobs.jobs set not_before = null where status = 'PENDING' and not_before <= moment and runner = p_runner;
  if found then perform pg_notify('jobs_waiting_' || p_runner, ''); end if;

  select count(*) into waiting from (select from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null limit 2 * p_slots) w;
  if waiting = 0 then return; end if;
  update jobs.runners set version = p_version where runner = p_runner returning paused_until into pause;
  if pause > moment then return; end if;
  select count(*) into free from jobs.runs r
  where runner = p_runner and version = p_version and (state = 'STARTING'
    or state = 'RUNNING' and stop_at is null and seen_at > moment - make_interval(secs => p_silent_seconds) and not exists (select from jobs.jobs j where j.run_id = r.id and j.status = 'IN_PROGRESS'));

  return query
    insert into jobs.runs (runner, slot, version, start_deadline)
    select p_runner, s.slot, p_version, moment + make_interval(secs => p_start_seconds)
    from generate_series(1, p_slots) s(slot)
    where not exists (select from jobs.runs h where h.runner = p_runner and h.slot = s.slot and h.state <> 'ENDED')
    order by s.slot limit greatest(0, waiting - free)
    returning id;
end
$$;

-- Hands reads that have waited for five seconds to EC2 runs, as far as those have room for them, while Glue has none: all
-- its slots are taken, or it was refused more. Of those that may run there the ones that would be next. Answers how many.
create function jobs.overflow(p_glue_slots integer, p_ec2_slots integer)
returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  room integer;
  moved integer;
begin
  if not exists (select from jobs.jobs where runner = 'glue' and status = 'PENDING' and not_before is null and elsewhere
                 and created_at < moment - interval '5 seconds') then return 0; end if;
  perform from jobs.runners order by runner for update;
  if (select paused_until from jobs.runners where runner = 'ec2') > moment then return 0; end if;
  if (select count(*) from jobs.runs where runner = 'glue' and state <> 'ENDED') < p_glue_slots
     and not coalesce((select paused_until > moment from jobs.runners where runner = 'glue'), false) then return 0; end if;
  select p_ec2_slots - count(*) into room from jobs.jobs
  where runner = 'ec2' and (status = 'IN_PROGRESS' or status = 'PENDING');
  with next as (
    select id from jobs.jobs
    where runner = 'glue' and status = 'PENDING' and not_before is null and elsewhere and created_at < moment - interval '5 seconds'
    order by rank desc, created_at, id limit greatest(0, room) for update skip locked)
  update jobs.jobs set runner = 'ec2', version = version + 1 where id in (select id from next);
  get diagnostics moved = row_count;
  if moved > 0 then perform pg_notify('jobs_waiting_ec2', ''); end if;
  return moved;
end
$$;

-- Starts no further run of any kind, or starts them again.
create function jobs.close_runners(p_closed boolean)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runners set paused_until = case when p_closed then 'infinity'::timestamptz end, pauses = 0
  where p_closed or paused_until = 'infinity'
$$;

-- What the launcher calls the run: a process, a Glue run, an instance.
create function jobs.run_launched(p_run uuid, p_external_id text)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runs set external_id = p_external_id where id = p_run and external_id is null
$$;

-- The run itself reports in. False: it came after its start deadline and was given up, or it is a second one with the
-- same id: it has to exit without touching a job.
create function jobs.run_started(p_run uuid)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with reported as (
    update jobs.runs set state = 'RUNNING', seen_at = jobs.clock() where id = p_run and state = 'STARTING' returning runner
  ), healthy as (
    update jobs.runners set pauses = 0, paused_until = null
    where runner in (select runner from reported) and pauses > 0 returning 1)
  select exists (select from reported)
$$;

-- A run without work wants to end. False: something waits for it after all.
create function jobs.retire(p_run uuid)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with retired as (
    update jobs.runs r set state = 'RETIRING', seen_at = jobs.clock()
    where id = p_run and state = 'RUNNING'
      and not exists (select from jobs.jobs j where j.runner = r.runner and j.status = 'PENDING' and j.not_before is null)
    returning 1)
  select exists (select from retired)
$$;

-- A run that will take no more whatever waits: it drains.
create function jobs.drain(p_run uuid)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runs set state = 'RETIRING', seen_at = jobs.clock() where id = p_run and state = 'RUNNING'
$$;

-- All dispatchers wait before they start another run of a kind: 1 s after the first failure, doubling to two minutes; a
-- run that reports in ends it.
create function jobs.pause(p_runner text)
returns timestamptz language sql set search_path = pg_catalog, pg_temp as $$
  update jobs.runners set pauses = pauses + 1, paused_until = jobs.clock() + make_interval(secs => least(120, 2 ^ least(pauses, 7)))
  where runner = p_runner returning paused_until
$$;

-- The run is known to have ended: its slot is free, and a job it still held has lost its runner. One that ended before it
-- reported in tells of a refusal that came late, or of code that cannot start: another one now would end like it.
create function jobs.run_ended(p_run uuid, p_outcome text)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  was text;
  kind text;
begin
  select state, runner into was, kind from jobs.runs where id = p_run and state <> 'ENDED' for update;
  if found then
    update jobs.runs set state = 'ENDED', ended_at = jobs.clock(), outcome = p_outcome where id = p_run;
    if was = 'STARTING' then perform jobs.pause(kind); end if;
    update jobs.jobs set lease_until = jobs.clock() where run_id = p_run and status = 'IN_PROGRESS' and lease_until > jobs.clock();
  end if;
end
$$;

-- The launcher could not start a run because the account has no room now: the slot is free again, no attempt of a job
-- is used, and the kind pauses.
create function jobs.run_refused(p_run uuid, p_reason text)
returns timestamptz language sql security definer set search_path = pg_catalog, pg_temp as $$
  with refused as (
    update jobs.runs set state = 'ENDED', ended_at = jobs.clock(), outcome = p_reason where id = p_run and state = 'STARTING' returning runner)
  select jobs.pause(runner) from refused
$$;

-- The runs that have not ended; silent: not reported in by the start deadline, or no sign of life for so long.
create function jobs.open_runs(p_silent_seconds integer)
returns table (run uuid, runner text, external_id text, state text, silent boolean)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select id, runner, external_id, state,
    case state when 'STARTING' then start_deadline < jobs.clock() else seen_at < jobs.clock() - make_interval(secs => p_silent_seconds) end
  from jobs.runs where state <> 'ENDED'
$$;

-- Records that the launcher was asked to end a run.
create function jobs.run_stopping(p_run uuid)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runs set stop_at = jobs.clock() where id = p_run and stop_at is null
$$;

-- Jobs whose runner gave no sign of life within the lease, or that run past their deadline although their runner should
-- have ended them (a second lease is its grace).
create function jobs.lost_jobs()
returns table (job_id bigint, attempt integer, timeout_seconds integer, backend_pid integer, backend_start timestamptz, reason text)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select id, attempt, timeout_seconds, backend_pid, backend_start, case when lease_until < jobs.clock() then 'RunnerLost' else 'TimedOut' end
  from jobs.jobs
  where status = 'IN_PROGRESS' and (lease_until < jobs.clock() or deadline < jobs.clock() - make_interval(secs => lease_seconds))
  order by lease_until
$$;

-- Settles a lost job after its session is known to be gone. The condition is looked at again under the row's lock:
-- a runner that came back in time keeps its job.
create function jobs.settle_lost(p_job bigint, p_attempt integer, p_reason text, p_error json)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
declare
  job jobs.jobs;
  word text := 'FAILED';
begin
  select * into job from jobs.jobs where id = p_job and attempt = p_attempt and status = 'IN_PROGRESS' for update;
  if not found then return 'LOST'; end if;
  if p_reason = 'RunnerLost' then
    if job.lease_until >= jobs.clock() then return 'KEEP'; end if;
    word := jobs.retry(p_job, p_attempt, p_error, null);
  else
    perform jobs.end_job(p_job, 'FAILED', null, p_error, 0, 0, null);
  end if;
  perform jobs.respond_now(p_job);
  return word;
end
$$;

-- The job's document, as people see it: without the inline payload, and without the query string of a source's URL,
-- which may be a signature.
create function jobs.public_task(task jsonb) returns jsonb language sql immutable as $$
  select case when task #>> '{source,url}' is null then task
    else jsonb_set(task, '{source,url}', to_jsonb(regexp_replace(task #>> '{source,url}', '[?#].*$', ''))) end
$$;

create view jobs.documents as
select j.id, j.tenant, j.request_id, j.version, j.status, j.run_id,
  jsonb_strip_nulls(jsonb_build_object(
    'requestId', j.request_id, 'tenant', j.tenant, 'requestHash', j.request_hash, 'responseId', j.response_id,
    'status', j.status, 'priority', j.priority, 'runner', j.runner, 'timeoutSeconds', j.timeout_seconds,
    'leaseUntil', jobs.iso(j.lease_until), 'cancelRequestedAt', jobs.iso(j.cancel_requested_at),
    'createdAt', jobs.iso(j.created_at), 'startedAt', jobs.iso(j.started_at), 'finishedAt', jobs.iso(j.finished_at),
    'progress', j.progress, 'stats', j.stats, 'error', j.error, 'result', j.result,
    'response', (select jsonb_build_object('sentAt', jobs.iso(r.sent_at), 'messageId', r.message_id) from jobs.responses r where r.job_id = j.id)))
  || jsonb_build_object('task', jobs.public_task(j.task), 'labels', j.labels, 'statusHistory', j.status_history, 'attempts', j.attempts) as document
from jobs.jobs j;

-- The kept request, for a retry as a new job: {task, inline, priority, labels, timeoutSeconds}, or null.
create function jobs.kept_request(p_tenant text, p_request_id text)
returns json language sql security definer set search_path = pg_catalog, pg_temp as $$
  select json_build_object('status', status, 'task', task, 'inline', inline, 'priority', priority, 'labels', labels, 'timeoutSeconds', timeout_seconds)
  from jobs.jobs where tenant = p_tenant and request_id = p_request_id
$$;

-- What of a runner kind is taken: its runs, the jobs that they do, and the jobs that wait.
create function jobs.room(p_runner text)
returns table (running integer, working integer, waiting integer)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(*)::integer,
    (select count(*) from jobs.jobs where runner = p_runner and status = 'IN_PROGRESS')::integer,
    (select count(*) from jobs.jobs where runner = p_runner and status = 'PENDING')::integer
  from jobs.runs where runner = p_runner and state <> 'ENDED'
$$;

-- Marks every document as behind: what rebuilds a tracking store that was lost. Answers how many there are.
create function jobs.track_all() returns bigint language sql security definer set search_path = pg_catalog, pg_temp as $$
  with marked as (
    insert into jobs.tracking_outbox (job_id, version) select id, version from jobs.jobs
    on conflict (job_id) do update set version = excluded.version returning 1)
  select count(*) from marked
$$;

-- Forgets what ended before a time: jobs whose response was sent, with that response; answers that made no job; runs. At
-- most so many of each, so that the first time is no long transaction. Answers how many jobs; a request's id is free again.
create function jobs.expire(p_before timestamptz, p_limit integer)
returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  expired bigint;
begin
  delete from jobs.responses where id in (
    select id from jobs.responses where job_id is null and created_at < p_before and sent_at is not null order by created_at limit p_limit);
  delete from jobs.runs where id in (
    select id from jobs.runs where state = 'ENDED' and ended_at < p_before order by ended_at limit p_limit);
  delete from jobs.jobs where id in (
    select j.id from jobs.jobs j join jobs.responses r on r.job_id = j.id
    where j.finished_at < p_before and r.sent_at is not null order by j.finished_at limit p_limit);
  get diagnostics expired = row_count;
  return expired;
end
$$;

-- Who may call what. Nothing is anybody's by default.
revoke execute on all functions in schema jobs from public;
alter default privileges for role migrator in schema jobs revoke execute on functions from public;
grant usage on schema jobs to api_reader, job_writer, job_keeper, dispatcher;

grant execute on function jobs.clock() to api_reader, job_keeper, dispatcher;
grant execute on function jobs.accept(json), jobs.answer(text, text, text, text, text), jobs.due_responses(integer, bigint[]), jobs.response_sent(bigint, text)
  to api_reader, dispatcher;
grant execute on function jobs.cancel(text, text), jobs.kept_request(text, text), jobs.room(text) to api_reader;
grant execute on function jobs.iso(timestamptz), jobs.public_task(jsonb) to api_reader, dispatcher;
grant select on jobs.documents to api_reader, dispatcher;
grant select on jobs.responses, jobs.runs, jobs.runners, jobs.tokens to api_reader;

grant execute on function jobs.finish(bigint, integer, text, json, json, bigint, bigint, bigint) to job_writer, job_keeper;
grant execute on function jobs.run_started(uuid), jobs.retire(uuid), jobs.drain(uuid), jobs.claim(uuid, integer, timestamptz, text),
  jobs.heartbeat(uuid, bigint, integer, jsonb), jobs.working(uuid, bigint, integer, integer, timestamptz),
  jobs.retry(bigint, integer, json, bigint), jobs.response_sent(bigint, text), jobs.due_responses(integer, bigint[]) to job_keeper;

grant execute on function jobs.plan_runs(text, integer, text, integer, integer), jobs.run_launched(uuid, text), jobs.run_ended(uuid, text),
  jobs.run_refused(uuid, text), jobs.open_runs(integer), jobs.run_stopping(uuid), jobs.lost_jobs(), jobs.settle_lost(bigint, integer, text, json), jobs.track_all(), jobs.overflow(integer, integer), jobs.close_runners(boolean),
  jobs.expire(timestamptz, integer) to dispatcher;
grant select, delete on jobs.tracking_outbox to dispatcher;
grant select on jobs.runs, jobs.runners to dispatcher;

reset role;
