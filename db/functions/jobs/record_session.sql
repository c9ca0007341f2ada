-- Records the database session that executes a job, after its run opened another one. Returns false if the run or the
-- attempt no longer holds the job.
create or replace function jobs.record_session(p_run uuid, p_job bigint, p_attempt integer, p_pid integer, p_backend_start timestamptz)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with changed as (
    update jobs.jobs set backend_pid = p_pid, backend_start = p_backend_start
    where id = p_job and attempt = p_attempt and run_id = p_run and status = 'IN_PROGRESS' returning 1)
  select exists (select from changed)
$$;

grant execute on function jobs.record_session(uuid, bigint, integer, integer, timestamptz) to job_keeper;
