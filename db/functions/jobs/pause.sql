-- All dispatchers wait before they start another run of a kind: 1 s after the first failure, doubling to two minutes; a
-- run that reports in ends it.
create or replace function jobs.pause(p_runner text)
returns timestamptz language sql set search_path = pg_catalog, pg_temp as $$
  with grown as (
    update jobs.runners set pauses = pauses + 1, paused_until = jobs.clock() + make_interval(secs => least(120, 2 ^ least(pauses, 7)))
    where runner = p_runner and coalesce(paused_until, '-infinity') <= jobs.clock()
    returning paused_until)
  select coalesce((select paused_until from grown), (select paused_until from jobs.runners where runner = p_runner))
$$;
