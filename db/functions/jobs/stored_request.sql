-- Returns a job's stored request, for a retry as a new job: {status, task, inline, priority, labels, timeoutSeconds,
-- reply}; null if the job does not exist.
create or replace function jobs.stored_request(p_tenant text, p_request_id text)
returns json language sql security definer set search_path = pg_catalog, pg_temp as $$
  select json_build_object('status', status, 'task', task, 'inline', inline, 'priority', priority, 'labels', labels, 'timeoutSeconds', timeout_seconds, 'reply', reply)
  from jobs.jobs where tenant = p_tenant and request_id = p_request_id
$$;

grant execute on function jobs.stored_request(text, text) to api_reader;
