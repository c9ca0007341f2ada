-- Records that the launcher was asked to end a run.
create or replace function jobs.run_stopping(p_run uuid)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runs set stop_at = jobs.clock() where id = p_run and stop_at is null
$$;

grant execute on function jobs.run_stopping(uuid) to dispatcher;
