-- Records that the launcher did not start a run because the account has no capacity, or because it was too late: frees
-- the slot without using an attempt of a job, and pauses the runner type. Returns the end of the pause.
create or replace function jobs.run_refused(p_run uuid, p_reason text)
returns timestamptz language sql security definer set search_path = pg_catalog, pg_temp as $$
  with refused as (
    update jobs.runs set state = 'ENDED', ended_at = jobs.clock(), outcome = p_reason where id = p_run and state = 'STARTING' returning runner)
  select jobs.pause(runner) from refused
$$;

grant execute on function jobs.run_refused(uuid, text) to dispatcher;
