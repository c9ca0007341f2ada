-- Marks every document as behind: what rebuilds a tracking store that was lost. Answers how many there are.
create or replace function jobs.track_all() returns bigint language sql security definer set search_path = pg_catalog, pg_temp as $$
  with marked as (
    insert into jobs.tracking_outbox (job_id, version) select id, version from jobs.jobs
    on conflict (job_id) do update set version = excluded.version returning 1
  ), rejected as (
    update jobs.rejected set tracked = false where tracked returning 1)
  select (select count(*) from marked) + (select count(*) from rejected)
$$;

grant execute on function jobs.track_all() to dispatcher;
