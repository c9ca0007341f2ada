-- Records that responses are on the response queue, each with the id that the queue gave its message.
create or replace function jobs.responses_sent(p_responses bigint[], p_messages text[])
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  sent record;
begin
  -- In the order of their ids: two calls with the same responses never wait for each other in a circle.
  for sent in select s.id, s.message_id from unnest(p_responses, p_messages) s(id, message_id) order by s.id loop
    update jobs.responses set sent_at = jobs.clock(), message_id = sent.message_id, sends = sends + 1,
      changed = case when job_id is not null then pg_current_xact_id() end
    where id = sent.id;
  end loop;
end
$$;

grant execute on function jobs.responses_sent(bigint[], text[]) to api_reader, dispatcher, job_keeper;
