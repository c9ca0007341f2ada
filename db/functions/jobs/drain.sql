-- Drains a run: it claims no further job, even if some wait.
create or replace function jobs.drain(p_run uuid)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runs set state = 'RETIRING', seen_at = jobs.clock() where id = p_run and state = 'RUNNING'
$$;

grant execute on function jobs.drain(uuid) to job_keeper;
