-- Assigns a launch's instances without a run to its runs without an instance. Returns the instances for which no run is
-- left: they may be terminated.
create or replace function jobs.assign_instances(p_launch uuid, p_instances text[])
returns text[] language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- The lock keeps jobs.instance_started from assigning runs of the launch meanwhile.
  perform from jobs.launches where id = p_launch for update;
  with instances as (
    select i.name, row_number() over () as position from unnest(p_instances) i(name)
    where not exists (select from jobs.runs r where r.launch = p_launch and r.external_id = i.name)
  ), free as (
    select id, row_number() over (order by slot) as position from (
      select id, slot from jobs.runs where launch = p_launch and state = 'STARTING' and external_id is null for update) f
  )
  update jobs.runs set external_id = instances.name
  from instances join free using (position) where jobs.runs.id = free.id;
  return array(
    select i.name from unnest(p_instances) i(name)
    where not exists (select from jobs.runs r where r.launch = p_launch and r.external_id = i.name));
end
$$;

grant execute on function jobs.assign_instances(uuid, text[]) to dispatcher;
