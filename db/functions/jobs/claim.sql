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

grant execute on function jobs.claim(uuid, integer, timestamptz, text) to job_keeper;
