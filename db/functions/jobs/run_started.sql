-- Records that a run has started, with its memory, and returns its slot. Null: it started after its deadline and was
-- abandoned, or another process has already started with the same id; the run must exit without claiming a job.
create or replace function jobs.run_started(p_run uuid, p_memory bigint)
returns integer language sql security definer set search_path = pg_catalog, pg_temp as $$
  with reported as (
    update jobs.runs set state = 'RUNNING', started_at = jobs.clock(), seen_at = jobs.clock(), memory_bytes = p_memory
    where id = p_run and state = 'STARTING' returning runner, slot
  ), healthy as (
    update jobs.runners set pauses = 0, paused_until = null
    where runner in (select runner from reported) and pauses > 0 returning 1)
  select slot from reported
$$;

grant execute on function jobs.run_started(uuid, bigint) to job_keeper;
