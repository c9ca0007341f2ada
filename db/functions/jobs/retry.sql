-- Requeues a job whose attempt failed with a retryable error, after a pause that doubles per attempt (2 s to 5 min).
-- If its attempts are used up, ends it as FAILED with that error. Returns RETRIED; FAILED or CANCELLED, with a stored
-- response; or LOST if this attempt no longer has the job.
-- A job that ran out of memory is retried only on a run with more memory. If there is none, the job fails at once, and
-- its error is not retryable.
create or replace function jobs.retry(p_job bigint, p_attempt integer, p_error json, p_peak bigint)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  job jobs.jobs;
  next_runner text;
  needs_larger boolean;
  ready timestamptz;
begin
  p_error := jobs.bounded_error(p_error);
  select * into job from jobs.jobs where id = p_job and attempt = p_attempt and status = 'IN_PROGRESS' for update;
  if not found then return 'LOST'; end if;
  if job.cancel_requested_at is not null then
    perform jobs.end_job(p_job, 'CANCELLED', null, jobs.cancelled(job.cancel_reason), 0, 0, p_peak);
    return 'CANCELLED';
  end if;
  next_runner := job.runner;
  needs_larger := job.high_memory_retry_at is not null;
  if p_error ->> 'type' = 'OutOfMemory' then
    -- Streaming needs the same memory for any result, so the query itself needs too much: another run of the same size
    -- would fail too.
    if job.runner = 'glue' and job.ec2_fallback then
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
  perform jobs.wake_tenant(job.runner, job.tenant);
  ready := moment + make_interval(secs => least(300, 2 ^ job.attempt));
  update jobs.jobs set
    runner = next_runner, high_memory_retry_at = case when needs_larger then ready end,
    status = 'PENDING', run_id = null, lease_until = null, deadline = null, backend_pid = null, backend_start = null,
    not_before = case when needs_larger then 'infinity'::timestamptz else ready end,
    error = p_error::jsonb,
    attempts = jobs.end_attempt(attempts, moment, p_error ->> 'type', p_peak),
    status_history = jobs.with_event(status_history, 'PENDING', moment), version = version + 1, changed = pg_current_xact_id(), changed_at = moment
  where id = p_job;
  return 'RETRIED';
end
$$;

grant execute on function jobs.retry(bigint, integer, json, bigint) to job_keeper;
