-- All dispatchers wait before they start another run of this type: 1 s after the first failure, doubling to two minutes;
-- a run that reports in ends the pause. Launches that are refused at once are one refusal. Returns when the pause ends.
create or replace function jobs.pause(p_runner text)
returns timestamptz language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.runners set pauses = pauses + 1, paused_until = jobs.clock() + make_interval(secs => least(120, 2 ^ least(pauses, 7)))
  where runner = p_runner and coalesce(paused_until, '-infinity') <= jobs.clock();
  -- A statement of its own: it sees what a concurrent refusal has committed meanwhile.
  return (select paused_until from jobs.runners where runner = p_runner);
end
$$;
