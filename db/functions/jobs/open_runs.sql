-- Lists the runs that have not ended. silent: not started by the start deadline, or without a claim or a heartbeat for
-- p_silent_seconds.
create or replace function jobs.open_runs(p_silent_seconds integer)
returns table (run uuid, runner text, external_id text, state text, silent boolean, launch uuid)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select id, runner, external_id, state,
    case state when 'STARTING' then start_deadline < jobs.clock() else seen_at < jobs.clock() - make_interval(secs => p_silent_seconds) end,
    launch
  from jobs.runs where state <> 'ENDED'
$$;

grant execute on function jobs.open_runs(integer) to dispatcher;
