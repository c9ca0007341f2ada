-- Pauses the start of runs of a type for all dispatchers: for 1 s after the first failure, doubling up to two minutes.
-- A run that starts ends the pause. Failures during a pause do not extend it. Returns the end of the pause.
create or replace function jobs.pause(p_runner text)
returns timestamptz language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.runners set pauses = pauses + 1, paused_until = jobs.clock() + make_interval(secs => least(120, 2 ^ least(pauses, 7)))
  where runner = p_runner and coalesce(paused_until, '-infinity') <= jobs.clock();
  -- A separate statement, which sees the pause that a concurrent refusal has committed meanwhile.
  return (select paused_until from jobs.runners where runner = p_runner);
end
$$;
