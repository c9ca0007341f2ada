-- The launcher could not start a run because the account has no room now: the slot is free again, no attempt of a job
-- is used, and the runner type pauses.
create or replace function jobs.run_refused(p_run uuid, p_reason text)
returns timestamptz language sql security definer set search_path = pg_catalog, pg_temp as $$
  with refused as (
    update jobs.runs set state = 'ENDED', ended_at = jobs.clock(), outcome = p_reason where id = p_run and state = 'STARTING' returning runner)
  select jobs.pause(runner) from refused
$$;

grant execute on function jobs.run_refused(uuid, text) to dispatcher;
