-- Records that responses are on the response queue, each with the id that the queue gave its message. Negative ids are those
-- of answers (jobs.responses). A response is recorded only in the version that was sent: a repeat that asked for it again
-- since has its own sending. Locks in the order of ids, so that two calls cannot deadlock.
create or replace function jobs.responses_sent(p_responses bigint[], p_versions bigint[], p_messages text[])
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
begin
  with sent as materialized (
    select j.id, s.message from unnest(p_responses, p_versions, p_messages) s(id, version, message)
    join jobs.jobs j on j.id = s.id and j.version = s.version
    where j.finished_at is not null order by j.id for update of j)
  update jobs.jobs j set sent_at = moment, message_id = sent.message, due_at = null,
    version = version + 1, changed = pg_current_xact_id(), changed_at = moment
  from sent where j.id = sent.id;
  if 0 > any (p_responses) then
    with sent as materialized (
      select a.id, s.message from unnest(p_responses, p_versions, p_messages) s(id, version, message)
      join jobs.answers a on a.id = -s.id and a.version = s.version order by a.id for update of a)
    update jobs.answers a set sent_at = moment, message_id = sent.message, due_at = null from sent where a.id = sent.id;
  end if;
end
$$;

grant execute on function jobs.responses_sent(bigint[], bigint[], text[]) to api_reader, dispatcher, job_keeper;
