-- Assigns a chosen job, whose row is locked, to a run. Returns the fields that the run needs.
create or replace function jobs.start_attempt(
  p_job bigint, p_run uuid, p_runner text, p_memory bigint, p_pid integer, p_backend_start timestamptz, p_log text, p_at timestamptz)
returns json language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  job json;
begin
  update jobs.jobs set
    status = 'IN_PROGRESS', attempt = attempt + 1, run_id = p_run, backend_pid = p_pid, backend_start = p_backend_start,
    lease_until = p_at + lease_seconds * interval '1 second', deadline = p_at + timeout_seconds * interval '1 second',
    started_at = coalesce(started_at, p_at), progress = '{"rows": 0, "bytes": 0}',
    attempts = attempts || jsonb_strip_nulls(jsonb_build_object(
      'runner', p_runner, 'runId', p_run, 'startedAt', jobs.iso(p_at), 'logLocation', p_log, 'memoryBytes', p_memory)),
    status_history = jobs.with_event(status_history, 'IN_PROGRESS', p_at), version = version + 1, changed = pg_current_xact_id(), changed_at = p_at
  where id = p_job
  returning json_build_object('id', id, 'attempt', attempt, 'maxAttempts', max_attempts, 'tenant', tenant, 'requestId', request_id, 'responseId', response_id,
    'task', task, 'inline', inline, 'sql', sql, 'timeoutSeconds', timeout_seconds, 'leaseSeconds', lease_seconds) into job;
  return job;
end
$$;
