-- Keeps an answer to a request that makes no job (invalid, or in conflict with an earlier one); a repeat gets the same
-- answer again.
create or replace function jobs.answer(p_response_id text, p_tenant text, p_request_id text, p_status text, p_body text)
returns bigint language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.responses (response_id, tenant, request_id, status, body, due_at)
  values (p_response_id, p_tenant, p_request_id, p_status, p_body, jobs.clock() + interval '10 seconds')
  on conflict (response_id) do update set sent_at = null, due_at = excluded.due_at
  returning id
$$;

grant execute on function jobs.answer(text, text, text, text, text) to api_reader, dispatcher;
