-- Gives a run the next waiting job of its runner type; a larger run the next of those that wait for one. Internal. `running`: false
-- for a run that is no longer one (reaped, retired). `job`: null where nothing waits for this run.
-- A run older than the code that was deployed since gets nothing more, and is retired by asking.
create or replace function jobs.next_claim(p_run uuid, p_pid integer, p_backend_start timestamptz, p_log text, out running boolean, out job json)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  run record;
  chosen bigint;
  owner text;
  moment timestamptz := jobs.clock();
begin
  -- The lock keeps run_ended waiting, which gives back the jobs that the run has by then.
  select r.runner, r.larger, r.version, r.seen_at, r.memory_bytes, k.version as newest, k.tenant_slots into run
  from jobs.runs r join jobs.runners k on k.runner = r.runner where r.id = p_run and r.state = 'RUNNING' for share of r;
  running := found;
  if not running then return; end if;
  if run.version <> run.newest then
    update jobs.runs set seen_at = moment, state = 'RETIRING' where id = p_run;
    return;
  end if;
  -- A heartbeat every second is enough: a lease is several times as long.
  if run.seen_at <= moment - interval '1 second' then
    update jobs.runs set seen_at = moment where id = p_run;
  end if;
  if run.tenant_slots is null then
    chosen := case when run.larger then jobs.next_larger_job(run.runner, null) else jobs.next_job(run.runner, null) end;
    if chosen is not null then job := jobs.start_attempt(chosen, p_run, run.runner, run.memory_bytes, p_pid, p_backend_start, p_log, moment); end if;
    return;
  end if;

  -- Claims for one tenant are decided one after the other: a lock per tenant, held until the claim has committed, and a
  -- count under it. A block that finds the tenant full is rolled back with its locks, so a claim never holds two of them.
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
      null; -- another claim took the tenant's last slot, which the next look sees
    end;
  end loop;
end
$$;
