-- Ends a job and stores its response. Internal. The response must be sent, and its body is returned, only if the
-- request asked for a reply on the queue.
-- p_attempt: ends the job only if this attempt still holds it, and returns nulls otherwise. A caller that does not pass
-- it must have checked the state and locked the row.
-- p_run: a run that records sent responses by their numbers. Unless that run has ended, a response that must be sent gets
-- a number; the negated number is returned as the version (jobs.responses_sent).
-- A read whose result does not fit into a message ends as FAILED (ResultTooLarge). An update's result always fits; if
-- it did not, the error that is raised would end the update's transaction.
create or replace function jobs.end_job(
  p_job bigint, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint, p_attempt integer default null, p_run uuid default null,
  out response_id text, out tenant text, out request_id text, out status text, out response_version bigint, out body text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  job record;
  job_stats json;
  answer text;
  stored_result text; -- the result without its inline rows
  inline_size integer; -- bytes of the inline rows in a response
  is_wanted boolean;
  is_numbered boolean;
begin
  select j.tenant, j.request_id, j.response_id, j.runner, j.status, j.created_at, j.attempt, j.labels, j.reply, j.traceparent, j.cancel_reason,
    coalesce((j.attempts -> -1 ->> 'startedAt')::timestamptz, moment) as started,
    (select r.tenant_slots is not null from jobs.runners r where r.runner = j.runner) as is_limited,
    -- Locks the run before its job, as jobs.run_ended does, so that the two cannot deadlock. Because of the lock,
    -- jobs.run_ended also makes this response due if the run has not recorded it.
    (select r.state <> 'ENDED' from jobs.runs r where r.id = p_run for no key update) as is_run_open
  into job from jobs.jobs j where id = p_job and (p_attempt is null or attempt = p_attempt and j.status = 'IN_PROGRESS');
  if not found then return; end if;
  if job.is_limited and job.status = 'IN_PROGRESS' then perform jobs.wake_tenant(job.runner, job.tenant); end if;
  if p_status = 'SUCCEEDED' then
    stored_result := jobs.result_without_rows(p_result);
  else
    p_result := null;
    -- Runs report a cancel without its reason.
    if p_status = 'CANCELLED' and job.cancel_reason is not null then p_error := jobs.cancelled(job.cancel_reason); end if;
    p_error := jobs.bounded_error(p_error);
  end if;
  loop
    job_stats := format('{"queueMs" : %s, "executionMs" : %s, "totalMs" : %s, "rows" : %s, "bytes" : %s, "peakMemoryBytes" : %s, "attempts" : %s}',
      jobs.milliseconds(job.created_at, job.started), jobs.milliseconds(job.started, moment), jobs.milliseconds(job.created_at, moment),
      coalesce(p_rows, 0), coalesce(p_bytes, 0), coalesce(p_peak::text, 'null'), job.attempt);
    answer := jobs.response_body(job.response_id, job.request_id, p_status, p_result, p_error, job_stats, job.labels);
    if job.traceparent is not null then answer := jobs.traced_body(answer, job.traceparent); end if;
    exit when octet_length(answer) <= 65536;
    inline_size := case when p_result is null then 0
      when stored_result is null then coalesce(octet_length(jobs.escape_noncharacters((p_result -> 'inline')::text)), 0)
      else octet_length(jobs.escape_noncharacters(p_result::text)) - octet_length('{"inline":') - octet_length(stored_result) end;
    exit when inline_size <= 900000 and octet_length(answer) - inline_size <= 65536;
    if p_status <> 'SUCCEEDED' or not exists (select from jobs.jobs j where j.id = p_job and j.task ->> 'type' = 'read') then
      raise check_violation using message = format('the response of job %s has %s bytes', p_job, octet_length(answer));
    end if;
    p_error := jobs.result_too_large(inline_size);
    p_status := 'FAILED';
    p_rows := 0;
    p_bytes := 0;
    p_result := null;
    stored_result := null;
  end loop;

  is_numbered := coalesce(job.is_run_open, false);
  is_wanted := job.reply = 'queue' or exists (select from jobs.reply_requests q where q.job_id = p_job);
  update jobs.jobs j set
    status = p_status, finished_at = moment, lease_until = null, deadline = null, not_before = null,
    result = coalesce(stored_result::jsonb, p_result::jsonb - 'inline'),
    error = p_error::jsonb, stats = job_stats::jsonb, response = answer,
    due_at = case when is_wanted and not is_numbered then moment + interval '10 seconds' end,
    response_number = case when is_wanted and is_numbered then nextval('jobs.response_numbers') end,
    -- The payload of a job that did not succeed is kept for `rates retry`.
    inline = case when p_status <> 'SUCCEEDED' then inline end, sql = null,
    progress = progress || jsonb_build_object('rows', p_rows, 'bytes', p_bytes),
    attempts = jobs.end_attempt(attempts, moment, p_status, p_peak),
    status_history = jobs.with_event(status_history, p_status, moment), version = version + 1, changed = pg_current_xact_id(), changed_at = moment
  -- The fence. The row is not locked earlier, since a lock is one more write.
  where id = p_job and (p_attempt is null or attempt = p_attempt and j.status = 'IN_PROGRESS')
  returning j.response_id, j.tenant, j.request_id, j.status, coalesce(-j.response_number, j.version), case when is_wanted then answer end
  into response_id, tenant, request_id, status, response_version, body;
  if not found then return; end if;
  if is_wanted and job.reply = 'none' then delete from jobs.reply_requests q where q.job_id = p_job; end if;

  if job.traceparent is not null then
    -- The lowest bit is set if the caller records the trace. The trace includes the sending of the response, and is
    -- therefore exported later if there is one to send.
    if right(job.traceparent, 1) in ('1', '3', '5', '7', '9', 'b', 'd', 'f') then
      insert into jobs.pending_traces (job_id, due_at)
      values (p_job, case when is_wanted then moment + interval '5 seconds' else moment end);
    end if;
  end if;
end
$$;
