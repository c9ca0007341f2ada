-- Returns the request hash of the job with a request id if the job has the same task: its hash is p_request_hash, or
-- its stored task equals p_task. Returns null if the job does not exist or has another task. p_task: null for a task
-- that is not stored as it was sent.
create or replace function jobs.find_job(p_tenant text, p_request_id text, p_request_hash text, p_task jsonb)
returns text language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select request_hash from jobs.jobs
  where tenant = p_tenant and request_id = p_request_id and (request_hash = p_request_hash or task = p_task)
$$;

grant execute on function jobs.find_job(text, text, text, jsonb) to api_reader, dispatcher;
