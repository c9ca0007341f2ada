-- Records the id of the process, Glue run or instance that executes a run, unless one is already recorded.
create or replace function jobs.run_launched(p_run uuid, p_external_id text)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runs set external_id = p_external_id where id = p_run and external_id is null
$$;

grant execute on function jobs.run_launched(uuid, text) to dispatcher;
