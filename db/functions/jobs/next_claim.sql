-- Gives a run the next waiting job of its runner type; gives a larger run the next job that waits for a larger run.
-- Internal.
-- `running`: false if the run is no longer running (retired, or recorded as ended). `job`: null if no job waits for this
-- run.
-- A run whose code version is not that of the newest runs gets no further job, and is retired by this call.
create or replace function jobs.next_claim(p_run uuid, p_pid integer, p_backend_start timestamptz, p_log text, out running boolean, out job json)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  run record;
  chosen bigint;
  owner text;
  moment timestamptz := jobs.clock();
begin
  -- The lock makes jobs.run_ended wait, so that it also ends the lease of the job that is claimed here.
  select r.runner, r.larger, r.version, r.seen_at, r.memory_bytes, k.version as newest, k.tenant_slots into run
  from jobs.runs r join jobs.runners k on k.runner = r.runner where r.id = p_run and r.state = 'RUNNING' for share of r;
  running := found;
  if not running then return; end if;
  if run.version <> run.newest then
    update jobs.runs set seen_at = moment, state = 'RETIRING' where id = p_run;
    return;
  end if;
  -- One update per second is enough: a lease is several times as long.
  if run.seen_at <= moment - interval '1 second' then
    update jobs.runs set seen_at = moment where id = p_run;
  end if;
  if run.tenant_slots is null then
    chosen := case when run.larger then jobs.next_larger_job(run.runner, null) else jobs.next_job(run.runner, null) end;
    if chosen is not null then job := jobs.start_attempt(chosen, p_run, run.runner, run.memory_bytes, p_pid, p_backend_start, p_log, moment); end if;
    return;
  end if;

  -- A lock per tenant, held until commit, makes claims for one tenant run one at a time, so that each counts the
  -- running jobs of the others. If the tenant has no free slot, the block is rolled back with its lock, so a claim
  -- never holds the locks of two tenants.
  loop
    begin
      chosen := case when run.larger then jobs.next_larger_job(run.runner, run.tenant_slots) else jobs.next_job(run.runner, run.tenant_slots) end;
      if chosen is null then return; end if;
      select tenant into owner from jobs.jobs where id = chosen;
      perform pg_advisory_xact_lock(hashtextextended(format('tenant slots %s %s', run.runner, owner), 0));
      if jobs.free_tenant_slots(run.runner, owner, run.tenant_slots) <= 0 then raise sqlstate 'RT001'; end if;
      job := jobs.start_attempt(chosen, p_run, run.runner, run.memory_bytes, p_pid, p_backend_start, p_log, moment);
      return;
    exception when sqlstate 'RT001' then
      null; -- another claim took the tenant's last slot; the next iteration skips this tenant
    end;
  end loop;
end
$$;
