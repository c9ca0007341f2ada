-- A task as people see it: without the inline payload, and of a source's URL only scheme, host and path. User information
-- before the host, and the query, may be credentials.
create or replace function jobs.public_task(task jsonb) returns jsonb language sql immutable as $$
  select case when task #>> '{source,url}' is null then task
    else jsonb_set(task, '{source,url}', to_jsonb(jobs.public_url(task #>> '{source,url}'))) end
$$;

grant execute on function jobs.public_task(jsonb) to api_reader, dispatcher;
