-- Reserves due responses for the caller for ten seconds, oldest first: at most p_limit of jobs and as many of refused
-- requests (jobs.answers), or with p_jobs only those of the named jobs. A response that must be sent is due until its
-- sending is recorded; a numbered response becomes due if its run does not record its sending within ten seconds. No
-- statement changes more than p_limit rows.
create or replace function jobs.due_responses(p_limit integer, p_jobs bigint[] default null)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- A job may end while a repeat of its request asks for a reply: neither transaction sees the other.
  if exists (select from jobs.reply_requests) then
    with ended as (
      delete from jobs.reply_requests where job_id in (
        select q.job_id from jobs.reply_requests q join jobs.jobs j on j.id = q.job_id
        where j.finished_at is not null and (p_jobs is null or q.job_id = any (p_jobs))
        order by q.job_id limit p_limit for update of q skip locked)
      returning job_id
    ), unsent as (
      select j.id from jobs.jobs j
      where j.id in (select job_id from ended) and j.due_at is null and j.sent_at is null and j.response_number is null order by j.id for update)
    update jobs.jobs set due_at = jobs.clock() where id in (select id from unsent);
  end if;
  update jobs.jobs set due_at = jobs.clock() where id in (
    select j.id from jobs.pending_responses u join jobs.jobs j on j.id = u.job_id
    where (case when p_jobs is null then u.finished_at <= jobs.clock() - interval '10 seconds' else u.job_id = any (p_jobs) end)
      and j.due_at is null and j.sent_at is null
    order by u.finished_at limit p_limit for update of j skip locked);
  return query
    update jobs.jobs j set due_at = jobs.clock() + interval '10 seconds'
    where j.id in (
      select id from jobs.jobs
      where due_at is not null and (case when p_jobs is null then due_at <= jobs.clock() else id = any (p_jobs) end)
      order by due_at limit p_limit for update skip locked)
    returning j.id, j.response_id, j.tenant, j.request_id, j.status::text, j.version, j.response::text;
  if p_jobs is not null then return; end if;
  return query
    update jobs.answers a set due_at = jobs.clock() + interval '10 seconds'
    where a.id in (
      select id from jobs.answers where due_at <= jobs.clock() order by due_at limit p_limit for update skip locked)
    returning -a.id, a.response_id, a.tenant, a.request_id, 'FAILED', a.version, a.body;
end
$$;

grant execute on function jobs.due_responses(integer, bigint[]) to api_reader, dispatcher, job_keeper;
