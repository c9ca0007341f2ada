-- Records that responses are on the response queue, each with the id that the queue gave its message. Negative ids are those
-- of answers (jobs.responses). One statement for all jobs: an index scan locks them in the order of their ids, so that two calls
-- with the same responses rarely deadlock.
create or replace function jobs.responses_sent(p_responses bigint[], p_messages text[])
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.jobs set sent_at = jobs.clock(), message_id = p_messages[array_position(p_responses, id)], due_at = null,
    version = version + 1, changed = pg_current_xact_id(), changed_at = jobs.clock()
  where id = any (p_responses) and finished_at is not null;
  if 0 > any (p_responses) then
    update jobs.answers set sent_at = jobs.clock(), message_id = p_messages[array_position(p_responses, -id)], due_at = null
    where id = any (array(select -r from unnest(p_responses) r where r < 0));
  end if;
end
$$;

grant execute on function jobs.responses_sent(bigint[], text[]) to api_reader, dispatcher, job_keeper;
