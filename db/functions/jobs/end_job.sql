-- Ends a job whatever its state: internal, called by functions that have checked the state. The response is frozen for
-- every job; it is due only where the request asked for one on the queue, and only then its body is returned.
-- A read whose result does not fit into a message ends FAILED (ResultTooLarge). An update's result has no such size: the
-- table's CHECK would refuse it, and with it the update's transaction.
create or replace function jobs.end_job(p_job bigint, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, body text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  job jobs.jobs;
  figures json;
  answer text;
  inline_size integer;
  asked_again integer;
begin
  select * into strict job from jobs.jobs where id = p_job for update;
  if job.status = 'IN_PROGRESS' then perform jobs.wake_tenant(job.runner, job.tenant); end if;
  p_error := jobs.bounded_error(p_error);
  inline_size := jobs.inline_bytes(p_result);
  loop
    figures := json_build_object(
      'queueMs', jobs.milliseconds(job.created_at, coalesce((job.attempts -> -1 ->> 'startedAt')::timestamptz, moment)),
      'executionMs', jobs.milliseconds(coalesce((job.attempts -> -1 ->> 'startedAt')::timestamptz, moment), moment),
      'totalMs', jobs.milliseconds(job.created_at, moment),
      'rows', p_rows, 'bytes', p_bytes, 'peakMemoryBytes', p_peak, 'attempts', job.attempt);
    answer := jobs.response_body(job.response_id, job.request_id, p_status, p_result, p_error, figures, job.labels);
    exit when p_status <> 'SUCCEEDED' or job.task ->> 'type' <> 'read'
      or inline_size <= 900000 and octet_length(answer) - inline_size <= 65536;
    p_error := jobs.result_too_large(inline_size);
    p_status := 'FAILED';
    p_rows := 0;
    p_bytes := 0;
    p_result := null;
    inline_size := 0;
  end loop;

  update jobs.jobs set
    status = p_status, finished_at = moment, lease_until = null, deadline = null, not_before = null,
    result = case when p_status = 'SUCCEEDED' then jobs.result_summary(p_result) end,
    error = p_error::jsonb, stats = figures::jsonb,
    -- kept where `rates retry` may want it again
    inline = case when p_status <> 'SUCCEEDED' then inline end, sql = null,
    progress = progress || jsonb_build_object('rows', p_rows, 'bytes', p_bytes),
    attempts = jobs.end_attempt(attempts, moment, p_status, p_peak),
    status_history = status_history || jobs.event(p_status, moment), version = version + 1, changed = pg_current_xact_id(), changed_at = moment
  where id = p_job;

  delete from jobs.reply_requests where job_id = p_job;
  get diagnostics asked_again = row_count;

  return query
    insert into jobs.responses (job_id, response_id, tenant, request_id, status, body, inline_bytes, wanted, due_at)
    values (p_job, job.response_id, job.tenant, job.request_id, p_status, answer, inline_size, job.reply = 'queue' or asked_again > 0, moment + interval '10 seconds')
    returning id, responses.response_id, responses.tenant, responses.request_id, responses.status, case when wanted then responses.body end;
end
$$;
