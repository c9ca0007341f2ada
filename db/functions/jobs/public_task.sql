-- The job's document, as people see it: without the inline payload, and without the query string of a source's URL,
-- which may be a signature.
create or replace function jobs.public_task(task jsonb) returns jsonb language sql immutable as $$
  select case when task #>> '{source,url}' is null then task
    else jsonb_set(task, '{source,url}', to_jsonb(regexp_replace(task #>> '{source,url}', '[?#].*$', ''))) end
$$;

grant execute on function jobs.public_task(jsonb) to api_reader, dispatcher;
