-- Records that responses are on the response queue, each with the id that the queue gave its message. Negative ids are those
-- of answers (jobs.responses). A response is recorded only in the version that was sent: a repeat that asked for it again
-- since has its own sending. One statement per response, in the order of ids, so that two calls cannot deadlock.
create or replace function jobs.responses_sent(p_responses bigint[], p_versions bigint[], p_messages text[])
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  sent record;
begin
  for sent in
    select s.id, s.version, s.message from unnest(p_responses, p_versions, p_messages) s(id, version, message) order by s.id
  loop
    if sent.id > 0 then
      update jobs.jobs set sent_at = moment, message_id = sent.message, due_at = null,
        version = version + 1, changed = pg_current_xact_id(), changed_at = moment
      where id = sent.id and version = sent.version and finished_at is not null;
    else
      update jobs.answers set sent_at = moment, message_id = sent.message, due_at = null
      where id = -sent.id and version = sent.version;
    end if;
  end loop;
end
$$;

grant execute on function jobs.responses_sent(bigint[], bigint[], text[]) to api_reader, dispatcher, job_keeper;
