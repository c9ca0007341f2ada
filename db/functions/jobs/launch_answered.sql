-- Records the instances that a launch started, and releases its other runs for a new launch. Returns the instances for
-- which no run is left. p_send: number of the send that EC2 answered. An empty list is ignored unless it is the launch's
-- latest send: a later send may have started instances. p_short, p_reason: targets with too little capacity, EC2's
-- message.
create or replace function jobs.launch_answered(p_launch uuid, p_send integer, p_instances text[], p_short text[], p_reason text)
returns text[] language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  answered jobs.launches;
  strays text[];
begin
  update jobs.launches set answered_at = jobs.clock(), started = cardinality(p_instances)
  where id = p_launch and answered_at is null and (cardinality(p_instances) > 0 or sends = p_send)
  returning * into answered;
  strays := jobs.assign_instances(p_launch, p_instances);
  if answered.id is not null then
    update jobs.runs set launch = null where launch = p_launch and state = 'STARTING' and external_id is null;
    insert into jobs.launch_targets (runner, target, short_at, reason)
    select answered.runner, t.name, jobs.clock(), left(p_reason, 200) from unnest(p_short) t(name)
    on conflict (runner, target) do update set short_at = excluded.short_at, reason = excluded.reason;
  end if;
  return strays;
end
$$;

grant execute on function jobs.launch_answered(uuid, integer, text[], text[], text) to dispatcher;
