-- Decides how many runs of a runner type to start now, and takes their slots. Locks the row of the runner type, so that
-- concurrent dispatchers decide one after the other. Plans one run per waiting job while slots are free, minus the
-- runs that are free or starting, which will claim jobs. A run that has been silent for p_silent_seconds is not counted
-- as free, although it keeps its slot until it is known to have ended; neither is a larger run.
-- p_tenant_slots: maximum running jobs per tenant; null: no maximum. No run is started for a job that waits for a slot
-- of its tenant. If a job is ready to run, the maximum and p_version are stored, and apply to later claims.
create or replace function jobs.plan_runs(p_runner text, p_slots integer, p_version text, p_start_seconds integer, p_silent_seconds integer, p_tenant_slots integer)
returns setof uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  pause timestamptz;
  waiting integer;
  free integer;
begin
  update jobs.jobs set not_before = null where status = 'PENDING' and not_before <= moment and runner = p_runner;
  if found then perform pg_notify('jobs_waiting_' || p_runner, ''); end if;

  if not exists (select from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null) then return; end if;
  update jobs.runners set version = p_version, tenant_slots = p_tenant_slots
  where runner = p_runner and (version, tenant_slots) is distinct from (p_version, p_tenant_slots);
  -- With all slots taken there is nothing to decide.
  if (select count(*) from jobs.runs where runner = p_runner and state <> 'ENDED') >= p_slots then return; end if;
  select paused_until into pause from jobs.runners where runner = p_runner for update;
  if pause > moment then return; end if;
  waiting := jobs.claimable(p_runner, p_tenant_slots, 2 * p_slots);
  if waiting = 0 then return; end if;
  select count(*) into free from jobs.runs r
  where runner = p_runner and version = p_version and not larger and (state = 'STARTING'
    or state = 'RUNNING' and stop_at is null and seen_at > moment - make_interval(secs => p_silent_seconds) and not exists (select from jobs.jobs j where j.run_id = r.id and j.status = 'IN_PROGRESS'));

  return query
    insert into jobs.runs (runner, slot, version, start_deadline)
    select p_runner, s.slot, p_version, moment + make_interval(secs => p_start_seconds)
    from generate_series(1, p_slots) s(slot)
    where not exists (select from jobs.runs h where h.runner = p_runner and h.slot = s.slot and h.state <> 'ENDED')
    order by s.slot limit greatest(0, waiting - free)
    returning id;
end
$$;

grant execute on function jobs.plan_runs(text, integer, text, integer, integer, integer) to dispatcher;
