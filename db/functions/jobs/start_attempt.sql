-- Gives a chosen job, its row held, to a run, and answers what the run needs of it.
create or replace function jobs.start_attempt(p_job bigint, run jobs.runs, p_pid integer, p_backend_start timestamptz, p_log text)
returns json language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := run.seen_at;
  job json;
begin
  update jobs.jobs set
    status = 'IN_PROGRESS', attempt = attempt + 1, run_id = run.id, backend_pid = p_pid, backend_start = p_backend_start,
    lease_until = moment + make_interval(secs => lease_seconds), deadline = moment + make_interval(secs => timeout_seconds),
    started_at = coalesce(started_at, moment), progress = '{"rows": 0, "bytes": 0}',
    attempts = attempts || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      'runner', run.runner, 'runId', run.id, 'startedAt', jobs.iso(moment), 'logLocation', p_log, 'memoryBytes', run.memory_bytes))),
    status_history = status_history || jobs.event('IN_PROGRESS', moment), version = version + 1, changed = pg_current_xact_id(), changed_at = moment
  where id = p_job
  returning json_build_object('id', id, 'attempt', attempt, 'maxAttempts', max_attempts, 'tenant', tenant, 'requestId', request_id, 'responseId', response_id,
    'task', task, 'inline', inline, 'sql', sql, 'timeoutSeconds', timeout_seconds, 'leaseSeconds', lease_seconds) into job;
  return job;
end
$$;
