-- Deletes what ended before a time: jobs whose response was sent (or not requested on the queue); sent responses to
-- requests that created no job; rejected requests; runs; records of sent responses; launches; sessions and links.
-- Deletes at most p_limit of each, so that the first call is not a long transaction. Leaves out rows that another
-- transaction locks, instead of waiting for it. Returns the number of deleted jobs and rejected requests; the id of a
-- deleted request can be used again.
create or replace function jobs.expire(p_before timestamptz, p_limit integer)
returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  expired bigint;
  rejected bigint;
begin
  delete from jobs.rejected where id in (
    select id from jobs.rejected where created_at < p_before order by created_at limit p_limit for update skip locked);
  get diagnostics rejected = row_count;
  delete from jobs.tokens where id in (
    select id from jobs.tokens where kind <> 'token' and expires_at < p_before order by expires_at limit p_limit for update skip locked);
  delete from jobs.rejected_days where day < (p_before at time zone 'utc')::date;
  delete from jobs.answers where id in (
    select id from jobs.answers where created_at < p_before and due_at is null order by created_at limit p_limit for update skip locked);
  delete from jobs.runs where id in (
    select id from jobs.runs where state = 'ENDED' and ended_at < p_before order by ended_at limit p_limit for update skip locked);
  delete from jobs.sendings where (run_id, through) in (
    select run_id, through from jobs.sendings where sent_at < p_before limit p_limit for update skip locked);
  delete from jobs.launches where id in (
    select id from jobs.launches where created_at < p_before order by created_at limit p_limit for update skip locked);
  delete from jobs.jobs where id in (
    select id from jobs.jobs where finished_at < p_before and due_at is null and id not in (select job_id from jobs.pending_responses)
    order by finished_at limit p_limit for update skip locked);
  get diagnostics expired = row_count;
  return expired + rejected;
end
$$;

grant execute on function jobs.expire(timestamptz, integer) to dispatcher;
