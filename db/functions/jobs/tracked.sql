-- Records the outcome of a batch of jobs.untracked_batch: the position of its pass, and the documents that the tracking
-- store refused. Each refused document has its own back-off (up to a minute), and is retried until the store accepts a
-- version of it. Two dispatchers may work on the same pass: each has written everything up to the position it records.
create or replace function jobs.tracked(p_pass bigint, p_changed xid8, p_id bigint, p_is_last boolean, p_written bigint[], p_refused bigint[])
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_is_last then
    update jobs.tracking_progress set done = until, until = null where pass = p_pass and until is not null;
  elsif p_pass is not null then
    update jobs.tracking_progress set last_changed = p_changed, last_id = p_id
    where pass = p_pass and (last_changed, last_id) < (p_changed, p_id);
  end if;
  if exists (select from jobs.tracking_refused) then
    delete from jobs.tracking_refused where job_id in (
      select job_id from jobs.tracking_refused where job_id = any (p_written) order by job_id for update);
  end if;
  insert into jobs.tracking_refused (job_id, not_before)
  select j.id, jobs.clock() + interval '1 second' from jobs.jobs j where j.id = any (p_refused) order by j.id
  on conflict (job_id) do update set failures = tracking_refused.failures + 1,
    not_before = jobs.clock() + make_interval(secs => least(60, 2 ^ least(tracking_refused.failures, 10)));
end
$$;

grant execute on function jobs.tracked(bigint, xid8, bigint, boolean, bigint[], bigint[]) to dispatcher;
