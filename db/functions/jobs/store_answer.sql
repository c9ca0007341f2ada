-- Stores the response to a request that creates no job (invalid, or in conflict with an earlier one), and returns it. A
-- repeat gets the same response. The returned id is negative, as in the view jobs.responses.
create or replace function jobs.store_answer(p_response_id text, p_tenant text, p_request_id text, p_error json, p_labels jsonb, p_traceparent text default null)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.answers (response_id, tenant, request_id, body, due_at)
  select p_response_id, p_tenant, p_request_id,
    case when p_traceparent is null then b.body else jobs.traced_body(b.body, p_traceparent) end, jobs.clock() + interval '10 seconds'
  from jobs.response_body(p_response_id, p_request_id, 'FAILED', null, p_error,
    '{"queueMs":0,"executionMs":0,"totalMs":0,"rows":0,"bytes":0,"peakMemoryBytes":0,"attempts":0}', p_labels) b(body)
  on conflict (response_id) do update set sent_at = null, due_at = excluded.due_at, version = answers.version + 1, asked_at = excluded.asked_at
  returning -id, answers.response_id, answers.tenant, answers.request_id, 'FAILED', answers.version, answers.body
$$;

grant execute on function jobs.store_answer(text, text, text, json, jsonb, text) to api_reader, dispatcher;
