-- Lists jobs in progress whose lease has expired (RunnerLost), or whose deadline passed more than lease_seconds ago
-- (TimedOut).
create or replace function jobs.lost_jobs()
returns table (job_id bigint, attempt integer, timeout_seconds integer, backend_pid integer, backend_start timestamptz, reason text, run_outcome text)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select id, attempt, timeout_seconds, backend_pid, backend_start, case when lease_until < jobs.clock() then 'RunnerLost' else 'TimedOut' end,
    (select r.outcome from jobs.runs r where r.id = j.run_id)
  from jobs.jobs j
  where status = 'IN_PROGRESS' and (lease_until < jobs.clock() or deadline < jobs.clock() - make_interval(secs => lease_seconds))
  order by lease_until
$$;

grant execute on function jobs.lost_jobs() to dispatcher;
