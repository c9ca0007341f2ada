-- Records that responses are on the response queue, each with the id that the queue gave its message. Negative ids are
-- those of refused requests (jobs.responses). A sending is recorded only if the response still has the version that was
-- sent: if a repeat has asked for the response again since, that request has its own sending. A call with an unknown
-- outcome can be repeated: recording a response again is harmless. It changes nothing, unless the dispatcher had made a
-- numbered response due before its run recorded it. The first call leaves that response due; the repeat records its
-- sending in the row of its job. Each statement locks rows in the order of their ids.
-- Negative versions are numbers of responses, all of one run. They are recorded together (jobs.sendings), and the run
-- has then sent all its responses up to the highest number. If the call lacks one of these, that response becomes due,
-- and its sending is recorded in the row of its job.
create or replace function jobs.responses_sent(p_responses bigint[], p_versions bigint[], p_messages text[])
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  highest bigint := (select -min(v) from unnest(p_versions) v);
  run uuid;
  before bigint; -- highest number that was recorded earlier; null: this call records none by number
begin
  if highest > 0 then
    select j.run_id into run from jobs.jobs j where j.id = p_responses[array_position(p_versions, -highest)];
    -- Locks the run before its jobs, as jobs.run_ended does.
    with held as materialized (
      select r.id, r.sent_through from jobs.runs r where r.id = run and r.state <> 'ENDED' for no key update)
    update jobs.runs r set sent_through = highest from held
    where r.id = held.id and held.sent_through < highest returning held.sent_through into before;
  end if;
  if before is not null then
    insert into jobs.sendings (run_id, through, numbers, messages, sent_at)
    select run, highest, array_agg(-s.version), array_agg(s.message), moment
    from unnest(p_versions, p_messages) s(version, message) where -s.version > before;
    update jobs.jobs set due_at = moment + interval '10 seconds' where id in (
      select j.id from jobs.jobs j
      where j.run_id = run and j.response_number > before and j.response_number < highest and -j.response_number <> all (p_versions)
        and j.due_at is null and j.sent_at is null
      order by j.id for update);
  end if;
  if before is null or -before <= any (p_versions) then
    with sent as materialized (
      select j.id, s.message from unnest(p_responses, p_versions, p_messages) s(id, version, message)
      join jobs.jobs j on j.id = s.id and (j.version = s.version or j.response_number = -s.version)
      where j.due_at is not null order by j.id for update of j)
    update jobs.jobs j set sent_at = moment, message_id = sent.message, due_at = null from sent where j.id = sent.id;
  end if;
  if 0 > any (p_responses) then
    with sent as materialized (
      select a.id, s.message from unnest(p_responses, p_versions, p_messages) s(id, version, message)
      join jobs.answers a on a.id = -s.id and a.version = s.version
      where a.due_at is not null order by a.id for update of a)
    update jobs.answers a set sent_at = moment, message_id = sent.message, due_at = null from sent where a.id = sent.id;
  end if;
end
$$;

grant execute on function jobs.responses_sent(bigint[], bigint[], text[]) to api_reader, dispatcher, job_keeper;
