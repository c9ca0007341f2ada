-- Gives a run the next waiting job of its kind; a larger run the next of those that wait for one.
-- Null: nothing waits for this run. Error P0002 (no_data_found): it is no longer one (reaped, retired), and has to exit.
-- A run older than the code that was deployed since gets nothing more, and is retired by asking.
create or replace function jobs.claim(p_run uuid, p_pid integer, p_backend_start timestamptz, p_log text)
returns json language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  run jobs.runs;
  chosen bigint;
  owner text;
  tenant_maximum integer;
  moment timestamptz := jobs.clock();
begin
  update jobs.runs r set seen_at = moment, state = case when r.version = coalesce(k.version, r.version) then 'RUNNING' else 'RETIRING' end
  from jobs.runners k
  where r.id = p_run and r.state = 'RUNNING' and k.runner = r.runner
  returning r.* into run;
  if not found then raise no_data_found using message = format('run %s is not running', p_run); end if;
  if run.state <> 'RUNNING' then return null; end if;
  select tenant_slots into tenant_maximum from jobs.runners where runner = run.runner;
  if tenant_maximum is null then
    chosen := case when run.larger then jobs.next_larger_job(run.runner, null) else jobs.next_job(run.runner, null) end;
    return case when chosen is not null then jobs.start_attempt(chosen, run, p_pid, p_backend_start, p_log) end;
  end if;

  -- Claims for one tenant are decided one after the other: a lock per tenant, held until the claim has committed, and a
  -- count under it. A block that finds the tenant full is rolled back with its locks, so a claim never holds two of them.
  loop
    begin
      chosen := case when run.larger then jobs.next_larger_job(run.runner, tenant_maximum) else jobs.next_job(run.runner, tenant_maximum) end;
      if chosen is null then return null; end if;
      select tenant into owner from jobs.jobs where id = chosen;
      perform pg_advisory_xact_lock(hashtextextended(format('tenant slots %s %s', run.runner, owner), 0));
      if jobs.free_tenant_slots(run.runner, owner, tenant_maximum) <= 0 then raise sqlstate 'RT001'; end if;
      return jobs.start_attempt(chosen, run, p_pid, p_backend_start, p_log);
    exception when sqlstate 'RT001' then
      null; -- another claim took the tenant's last slot, which the next look sees
    end;
  end loop;
end
$$;

grant execute on function jobs.claim(uuid, integer, timestamptz, text) to job_keeper;
