-- A read that ran out of memory is done again where there is more of it: on EC2 where it may go there, else on a larger run
-- of its kind. Nothing here changes what the version before sends, or gets.
set local role migrator;

-- Since when such a read waits for a larger run, after its back-off. It is deferred for ever (not_before) to everybody else:
-- no other run is started for it, and none takes it.
alter table jobs.jobs add column larger_at timestamptz;
create index jobs_larger on jobs.jobs (larger_at) where status = 'PENDING' and larger_at is not null;

-- Of a run: whether it is a larger one, and the memory that it says it has. One at a time is larger, so that the capacity
-- of all runs together is known (stacks/capacity.ts).
alter table jobs.runs add column larger boolean not null default false, add column memory_bytes bigint;
create unique index runs_larger on jobs.runs (runner) where larger and state <> 'ENDED';
-- Of a kind: whether the stack has a larger run of it.
alter table jobs.runners add column larger boolean not null default false;

-- Takes a slot for the larger run of a kind, where a job waits for one and none is there. A stack that has none (any more)
-- says so: what waits for one then takes what there is.
create function jobs.plan_larger(p_runner text, p_slots integer, p_version text, p_start_seconds integer, p_larger boolean)
returns setof uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  pause timestamptz;
begin
  update jobs.runners set larger = p_larger where runner = p_runner and larger <> p_larger;
  if not p_larger then
    update jobs.jobs set not_before = null, larger_at = null where status = 'PENDING' and larger_at is not null and runner = p_runner;
    return;
  end if;
  if not exists (select from jobs.jobs where status = 'PENDING' and larger_at <= moment and runner = p_runner) then return; end if;
  update jobs.runners set version = p_version where runner = p_runner returning paused_until into pause;
  if pause > moment then return; end if;
  return query
    insert into jobs.runs (runner, slot, version, start_deadline, larger)
    select p_runner, s.slot, p_version, moment + make_interval(secs => p_start_seconds), true
    from generate_series(1, p_slots) s(slot)
    where not exists (select from jobs.runs h where h.runner = p_runner and h.slot = s.slot and h.state <> 'ENDED')
      and not exists (select from jobs.runs h where h.runner = p_runner and h.larger and h.state <> 'ENDED')
    order by s.slot limit 1
    returning id;
end
$$;

-- Decides how many runs of a kind to start now, and takes their slots. The row of the runner kind is held for the
-- decision, so that any number of dispatchers decide one after the other. Every waiting job gets a run of its own as
-- far as slots go, less the runs that are free or about to be: those will take it. A run that has been silent for
-- longer than a lease is not counted on, though it keeps its slot until it is known to have ended; nor is a larger one.
create or replace function jobs.plan_runs(p_runner text, p_slots integer, p_version text, p_start_seconds integer, p_silent_seconds integer)
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
  where runner = p_runner and version = p_version and not larger and (state = 'STARTING'
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

-- The run itself reports in, and says how much memory it has. False: it came after its start deadline and was given up, or
-- it is a second one with the same id: it has to exit without touching a job.
create function jobs.run_started(p_run uuid, p_memory bigint)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runs set memory_bytes = p_memory where id = p_run and state = 'STARTING';
  select jobs.run_started(p_run)
$$;

-- The next waiting job of a kind, its row held: the highest rank (priority plus a point a minute waited), within it the
-- tenant with the fewest running, then the oldest. The tenants of the rank are found by jumping along the index, so that
-- a claim costs the same whether ten jobs wait or a hundred thousand.
create function jobs.next_job(p_runner text)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  best integer;
  candidate text;
  chosen bigint;
begin
  select rank into best from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null order by rank desc limit 1;
  while best is not null and chosen is null loop
    for candidate in
      with recursive waiting(tenant) as (
        (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank = best order by tenant limit 1)
        union all
        select (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank = best and tenant > w.tenant
                order by tenant limit 1)
        from waiting w where w.tenant is not null
      )
      select w.tenant from waiting w where w.tenant is not null
      order by (select count(*) from jobs.jobs r where r.tenant = w.tenant and r.status = 'IN_PROGRESS'),
               (select min(j.created_at) from jobs.jobs j where j.runner = p_runner and j.status = 'PENDING' and j.not_before is null and j.rank = best and j.tenant = w.tenant)
    loop
      select id into chosen from jobs.jobs
      where runner = p_runner and status = 'PENDING' and not_before is null and rank = best and tenant = candidate
      order by created_at, id limit 1 for update skip locked;
      exit when chosen is not null;
    end loop;
    -- All of this rank are being taken by others at this moment: look one rank lower.
    if chosen is null then
      select rank into best from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank < best order by rank desc limit 1;
    end if;
  end loop;
  return chosen;
end
$$;

-- The same for a larger run, of those that wait for one. They are few.
create function jobs.next_larger_job(p_runner text)
returns bigint language sql set search_path = pg_catalog, pg_temp as $$
  select id from jobs.jobs j where runner = p_runner and status = 'PENDING' and larger_at <= jobs.clock()
  order by rank desc, (select count(*) from jobs.jobs r where r.tenant = j.tenant and r.status = 'IN_PROGRESS'), created_at, id
  limit 1 for update skip locked
$$;

-- Gives a run the next waiting job of its kind; a larger run the next of those that wait for one.
-- Null: nothing waits for this run. Error P0002 (no_data_found): it is no longer one (reaped, retired), and has to exit.
-- A run older than the code that was deployed since gets nothing more, and is retired by asking.
create or replace function jobs.claim(p_run uuid, p_pid integer, p_backend_start timestamptz, p_log text)
returns json language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  run jobs.runs;
  chosen bigint;
  moment timestamptz := jobs.clock();
  job jobs.jobs;
begin
  update jobs.runs r set seen_at = moment, state = case when r.version = coalesce(k.version, r.version) then 'RUNNING' else 'RETIRING' end
  from jobs.runners k
  where r.id = p_run and r.state = 'RUNNING' and k.runner = r.runner
  returning r.* into run;
  if not found then raise no_data_found using message = format('run %s is not running', p_run); end if;
  if run.state <> 'RUNNING' then return null; end if;
  chosen := case when run.larger then jobs.next_larger_job(run.runner) else jobs.next_job(run.runner) end;
  if chosen is null then return null; end if;

  update jobs.jobs set
    status = 'IN_PROGRESS', attempt = attempt + 1, run_id = p_run, backend_pid = p_pid, backend_start = p_backend_start,
    lease_until = moment + make_interval(secs => lease_seconds), deadline = moment + make_interval(secs => timeout_seconds),
    started_at = coalesce(started_at, moment), progress = '{"rows": 0, "bytes": 0}',
    attempts = attempts || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      'runner', run.runner, 'runId', p_run, 'startedAt', jobs.iso(moment), 'logLocation', p_log, 'memoryBytes', run.memory_bytes))),
    status_history = status_history || jobs.event('IN_PROGRESS', moment), version = version + 1
  where id = chosen returning * into job;

  return json_build_object('id', job.id, 'attempt', job.attempt, 'maxAttempts', job.max_attempts, 'tenant', job.tenant, 'requestId', job.request_id, 'responseId', job.response_id,
    'task', job.task, 'inline', job.inline, 'sql', job.sql, 'timeoutSeconds', job.timeout_seconds, 'leaseSeconds', job.lease_seconds);
end
$$;

-- A run without work wants to end. False: something waits for it after all.
create or replace function jobs.retire(p_run uuid)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with retired as (
    update jobs.runs r set state = 'RETIRING', seen_at = jobs.clock()
    where id = p_run and state = 'RUNNING'
      and not exists (
        select from jobs.jobs j where j.runner = r.runner and j.status = 'PENDING'
          and case when r.larger then j.larger_at <= jobs.clock() else j.not_before is null end)
    returning 1)
  select exists (select from retired)
$$;

-- An attempt failed for a reason that may pass: back to PENDING after a pause that doubles with each attempt (2 s to
-- 5 min), or, its attempts used up, FAILED with that reason. RETRIED, FAILED (a response is due), or LOST.
-- Where memory was too little only a run with more of it helps: without one the job fails at once, and would again.
create or replace function jobs.retry(p_job bigint, p_attempt integer, p_error json, p_peak bigint)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  job jobs.jobs;
  next_runner text;
  needs_larger boolean;
  ready timestamptz;
begin
  select * into job from jobs.jobs where id = p_job and attempt = p_attempt and status = 'IN_PROGRESS' for update;
  if not found then return 'LOST'; end if;
  if job.cancel_requested_at is not null then
    perform jobs.end_job(p_job, 'CANCELLED', null, jobs.cancelled(), 0, 0, p_peak);
    return 'CANCELLED';
  end if;
  next_runner := job.runner;
  needs_larger := job.larger_at is not null;
  if p_error ->> 'type' = 'OutOfMemory' then
    -- Streaming takes the same memory for any result, so it is the query's own: another run of the same size would fail too.
    if job.runner = 'glue' and job.elsewhere then
      next_runner := 'ec2';
    elsif not needs_larger and (select larger from jobs.runners where runner = job.runner) then
      needs_larger := true;
    else
      p_error := json_build_object('category', p_error -> 'category', 'type', p_error -> 'type', 'message', p_error -> 'message',
        'retryable', false, 'details', p_error -> 'details');
      perform jobs.end_job(p_job, 'FAILED', null, p_error, 0, 0, p_peak);
      return 'FAILED';
    end if;
  end if;
  if job.attempt >= job.max_attempts then
    perform jobs.end_job(p_job, 'FAILED', null, p_error, 0, 0, p_peak);
    return 'FAILED';
  end if;
  ready := moment + make_interval(secs => least(300, 2 ^ job.attempt));
  update jobs.jobs set
    runner = next_runner, larger_at = case when needs_larger then ready end,
    status = 'PENDING', run_id = null, lease_until = null, deadline = null, backend_pid = null, backend_start = null,
    not_before = case when needs_larger then 'infinity'::timestamptz else ready end,
    error = p_error::jsonb,
    attempts = jobs.end_attempt(attempts, moment, p_error ->> 'type', p_peak),
    status_history = status_history || jobs.event('PENDING', moment), version = version + 1
  where id = p_job;
  return 'RETRIED';
end
$$;

-- What became of the run of a lost job tells more than that it is gone.
drop function jobs.lost_jobs();
create function jobs.lost_jobs()
returns table (job_id bigint, attempt integer, timeout_seconds integer, backend_pid integer, backend_start timestamptz, reason text, run_outcome text)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select id, attempt, timeout_seconds, backend_pid, backend_start, case when lease_until < jobs.clock() then 'RunnerLost' else 'TimedOut' end,
    (select r.outcome from jobs.runs r where r.id = j.run_id)
  from jobs.jobs j
  where status = 'IN_PROGRESS' and (lease_until < jobs.clock() or deadline < jobs.clock() - make_interval(secs => lease_seconds))
  order by lease_until
$$;

revoke execute on function jobs.plan_larger(text, integer, text, integer, boolean), jobs.run_started(uuid, bigint), jobs.next_job(text),
  jobs.next_larger_job(text), jobs.lost_jobs() from public;
grant execute on function jobs.plan_larger(text, integer, text, integer, boolean), jobs.lost_jobs() to dispatcher;
grant execute on function jobs.run_started(uuid, bigint) to job_keeper;

reset role;
