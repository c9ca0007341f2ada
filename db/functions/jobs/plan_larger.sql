-- Takes a slot for a larger run of a runner type if a job waits for one and no larger run exists. With p_larger false
-- (the stack has no larger runs), jobs that wait for one go to normal runs.
create or replace function jobs.plan_larger(p_runner text, p_slots integer, p_version text, p_start_seconds integer, p_larger boolean)
returns setof uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  pause timestamptz;
begin
  update jobs.runners set larger = p_larger where runner = p_runner and larger <> p_larger;
  if not p_larger then
    update jobs.jobs set not_before = null, high_memory_retry_at = null where status = 'PENDING' and high_memory_retry_at is not null and runner = p_runner;
    return;
  end if;
  if not exists (
    select from jobs.jobs j join jobs.runners k using (runner)
    where j.status = 'PENDING' and j.high_memory_retry_at <= moment and j.runner = p_runner and jobs.free_tenant_slots(j.runner, j.tenant, k.tenant_slots) > 0
  ) then return; end if;
  update jobs.runners set version = p_version where runner = p_runner returning paused_until into pause;
  if pause > moment then return; end if;
  return query
    insert into jobs.runs (runner, slot, version, start_deadline, larger)
    select p_runner, s.slot, p_version, moment + make_interval(secs => p_start_seconds), true
    from generate_series(1, p_slots) s(slot)
    where not exists (select from jobs.runs h where h.runner = p_runner and h.slot = s.slot and h.state <> 'ENDED')
      and not exists (select from jobs.runs h where h.runner = p_runner and h.larger and h.state <> 'ENDED')
    order by s.slot limit 1
    returning id;
end
$$;

grant execute on function jobs.plan_larger(text, integer, text, integer, boolean) to dispatcher;
