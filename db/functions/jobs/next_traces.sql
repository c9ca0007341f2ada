-- Reserves due traces for a minute and returns the data of their spans: the job's document, and the launch and start
-- times of its runs. Returns none while exports are paused. The trace of a job whose response has not been sent is
-- reserved but not returned, unless the job ended more than five minutes ago. The document of a deleted job is null.
create or replace function jobs.next_traces(p_limit integer)
returns table (id bigint, document jsonb, runs jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
begin
  if not exists (select from jobs.trace_pause p where p.paused_until <= moment) then return; end if;
  return query
    with reserved as (
      update jobs.pending_traces t set due_at = moment + interval '1 minute'
      where t.job_id in (
        select p.job_id from jobs.pending_traces p where p.due_at <= moment order by p.due_at, p.job_id limit p_limit for update skip locked)
      returning t.job_id)
    select t.job_id, d.document, (
      select jsonb_object_agg(r.id, jsonb_build_object('launchedAt', jobs.iso(r.created_at), 'startedAt', jobs.iso(r.started_at)))
      from jobs.runs r
      where r.id in (select (a.attempt ->> 'runId')::uuid from jsonb_array_elements(d.document -> 'attempts') a(attempt)) and r.started_at is not null)
    from reserved t left join jobs.documents d on d.id = t.job_id
    where not exists (
      select from jobs.jobs o
      where o.id = t.job_id and (o.due_at is not null or o.id in (select u.job_id from jobs.pending_responses u)) and o.finished_at > moment - interval '5 minutes')
    order by t.job_id;
end
$$;

grant execute on function jobs.next_traces(integer) to dispatcher;
