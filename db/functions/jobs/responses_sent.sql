-- Records that responses are on the response queue, each with the id that the queue gave its message. One statement for all:
-- an index scan visits them in the order of their ids, so two calls with the same responses do not deadlock.
create or replace function jobs.responses_sent(p_responses bigint[], p_messages text[])
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.responses set sent_at = jobs.clock(), message_id = p_messages[array_position(p_responses, id)], sends = sends + 1,
    changed = case when job_id is not null then pg_current_xact_id() end
  where id = any (p_responses)
$$;

grant execute on function jobs.responses_sent(bigint[], text[]) to api_reader, dispatcher, job_keeper;
