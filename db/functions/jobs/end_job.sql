-- Ends a job whatever its state: internal, called by the functions below that know the state is right.
create or replace function jobs.end_job(p_job bigint, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, body text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  job jobs.jobs;
  figures json;
  answer text;
begin
  select * into strict job from jobs.jobs where id = p_job for update;
  if job.status = 'IN_PROGRESS' then perform jobs.wake_tenant(job.runner, job.tenant); end if;
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
