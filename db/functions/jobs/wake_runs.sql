-- Wakes up to p_runs idle runs of a type, most recently seen first. p_runs is the number of new jobs, since more runs
-- would find none. A run that gets a job wakes another run while more jobs wait (jobs.claim), so no job keeps waiting
-- because two callers chose the same run.
create or replace function jobs.wake_runs(p_runner text, p_runs integer)
returns void language sql set search_path = pg_catalog, pg_temp as $$
  select pg_notify('jobs_run_' || idle.id, 'job')
  from (
    select r.id from jobs.runs r join jobs.runners k on k.runner = r.runner
    where r.runner = p_runner and r.state = 'RUNNING' and r.version = k.version and not r.larger
      and not exists (select from jobs.jobs j where j.run_id = r.id and j.status = 'IN_PROGRESS')
    order by r.seen_at desc limit p_runs) idle
$$;
