-- Registers an instance of a launch and gives it one free run of the launch: the run that was assigned to it, or one
-- without an instance. No row: it started too late, or no run is left; it must exit without claiming a job.
create or replace function jobs.instance_started(p_launch uuid, p_instance text, p_memory bigint)
returns table (run uuid, slot integer) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  assigned jobs.runs;
begin
  -- The lock lets the instances of a launch register one at a time. A run that another transaction has locked, for
  -- example to end it because it started too late, is skipped.
  perform from jobs.launches where id = p_launch for update;
  update jobs.runs set state = 'RUNNING', started_at = jobs.clock(), seen_at = jobs.clock(), external_id = p_instance, memory_bytes = p_memory
  where id = (
    select f.id from jobs.runs f
    where f.launch = p_launch and f.state = 'STARTING' and (f.external_id = p_instance or f.external_id is null)
      and not exists (
        select from jobs.runs o where o.launch = p_launch and o.external_id = p_instance and o.state <> 'STARTING')
    order by f.external_id nulls last, f.slot limit 1 for update skip locked)
  returning * into assigned;
  if not found then return; end if;
  update jobs.runners set pauses = 0, paused_until = null where runner = assigned.runner and pauses > 0;
  return query select assigned.id, assigned.slot;
end
$$;

grant execute on function jobs.instance_started(uuid, text, bigint) to job_keeper;
