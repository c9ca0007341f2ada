-- Retires a run that found no job. Returns false if a job waits that it could claim after all, or if the run is no longer
-- running.
create or replace function jobs.retire(p_run uuid)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with retired as (
    update jobs.runs r set state = 'RETIRING', seen_at = jobs.clock()
    from jobs.runners k
    where r.id = p_run and r.state = 'RUNNING' and k.runner = r.runner
      and case when r.larger
        then not exists (
          select from jobs.jobs j where j.runner = r.runner and j.status = 'PENDING' and j.high_memory_retry_at <= jobs.clock()
            and jobs.free_tenant_slots(j.runner, j.tenant, k.tenant_slots) > 0)
        else jobs.claimable(r.runner, k.tenant_slots, 1) = 0 end
    returning 1)
  select exists (select from retired)
$$;

grant execute on function jobs.retire(uuid) to job_keeper;
