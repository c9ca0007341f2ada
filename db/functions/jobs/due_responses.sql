-- Reserves due responses on the queue (or those of the named jobs), whose sending was not recorded, for the caller for
-- ten seconds.
create or replace function jobs.due_responses(p_limit integer, p_jobs bigint[] default null)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, body text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- A job that ended while a repeat of its request asked for a reply: neither transaction saw the other.
  if exists (select from jobs.reply_requests) then
    with ended as (
      delete from jobs.reply_requests q using jobs.responses r where r.job_id = q.job_id returning q.job_id)
    update jobs.responses r set wanted = true, due_at = jobs.clock() where r.job_id in (select job_id from ended) and not wanted;
  end if;
  return query
    update jobs.responses r set due_at = jobs.clock() + interval '10 seconds'
    where r.id in (
      select id from jobs.responses
      where sent_at is null and wanted and (case when p_jobs is null then due_at <= jobs.clock() else job_id = any (p_jobs) end)
      order by due_at limit p_limit for update skip locked)
    returning r.id, r.response_id, r.tenant, r.request_id, r.status, r.body;
end
$$;

grant execute on function jobs.due_responses(integer, bigint[]) to api_reader, dispatcher, job_keeper;
