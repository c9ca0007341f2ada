-- Decides what to request from EC2 now. A launch with an unknown outcome comes first and is repeated unchanged;
-- otherwise the runs of this version that have no launch are put into a new one, whichever dispatcher planned them. One
-- dispatcher decides at a time. Returns null if there is nothing to request, or one of:
--   {launch, send, request, target, instances, sendMs}: send this request within sendMs milliseconds; `send` is 1 for a
--     new launch and counts its repeats
--   {waitMs}: the request rate is used up; call again after waitMs milliseconds
--   {refused, reason, until}: runs whose slots were freed, since no target has had capacity since they were planned
-- p_request: parameters of a new launch besides its target and instances. p_targets: where instances may be requested,
-- in order of preference. p_limit: maximum instances per request.
-- p_hold_seconds: how long the request is reserved for this dispatcher. It is sent in the first half of that time, so
-- that it does not overlap with a repeat.
create or replace function jobs.begin_launch(p_runner text, p_version text, p_request text, p_targets text[], p_limit integer,
  p_hold_seconds double precision, p_rate text, p_burst integer, p_per_second double precision)
returns json language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment constant timestamptz := jobs.clock();
  hold constant interval := make_interval(secs => p_hold_seconds);
  paused timestamptz;
  taken jobs.launches;
  oldest timestamptz;
  chosen text;
  wait double precision;
  chosen_runs uuid[];
begin
  -- Holds the lock of the runner type; rows that others have locked are skipped, so this cannot deadlock.
  select paused_until into paused from jobs.runners where runner = p_runner for update;
  if paused = 'infinity' then return null; end if;

  -- No request was sent for these runs, and their slots may soon belong to other runs.
  update jobs.runs set state = 'ENDED', ended_at = moment, outcome = 'NOT_LAUNCHED'
  where id in (
    select id from jobs.runs
    where runner = p_runner and version = p_version and state = 'STARTING' and launch is null and external_id is null and not larger
      and created_at + (start_deadline - created_at) / 2 <= moment
    for update skip locked);

  select * into taken from jobs.launches
  where runner = p_runner and answered_at is null and held_until <= moment and send_until > moment
  order by created_at limit 1 for update skip locked;

  if taken.id is null then
    if paused > moment then return null; end if;
    select min(created_at) into oldest from jobs.runs
    where runner = p_runner and version = p_version and state = 'STARTING' and launch is null and external_id is null and not larger;
    if oldest is null then return null; end if;
    -- Targets without capacity in the last minute come last; those without capacity since the oldest run was planned
    -- are excluded.
    select t.name into chosen
    from unnest(p_targets) with ordinality t(name, position)
    left join jobs.launch_targets s on s.runner = p_runner and s.target = t.name
    where s.short_at is null or s.short_at < oldest
    order by coalesce(s.short_at, '-infinity') > moment - interval '1 minute', t.position
    limit 1;
    if chosen is null then
      with refused as (
        update jobs.runs set state = 'ENDED', ended_at = moment, outcome = (
          select left(string_agg(s.target || ': ' || s.reason, '; '), 500) from jobs.launch_targets s
          where s.runner = p_runner and s.target = any (p_targets))
        where id in (
          select id from jobs.runs
          where runner = p_runner and version = p_version and state = 'STARTING' and launch is null and external_id is null and not larger
            and created_at <= (select min(s.short_at) from jobs.launch_targets s where s.runner = p_runner and s.target = any (p_targets))
          for update skip locked)
        returning id, outcome)
      select array_agg(id), min(outcome) into chosen_runs, chosen from refused;
      return json_build_object('refused', coalesce(chosen_runs, '{}'), 'reason', chosen, 'until', jobs.iso(jobs.pause(p_runner)));
    end if;
  end if;

  wait := jobs.take_request(p_rate, p_burst, p_per_second);
  if wait > 0 then return json_build_object('waitMs', wait); end if;

  if taken.id is not null then
    update jobs.launches set sends = sends + 1, held_until = moment + hold where id = taken.id returning * into taken;
  else
    select array_agg(id) into chosen_runs from (
      select id from jobs.runs
      where runner = p_runner and version = p_version and state = 'STARTING' and launch is null and external_id is null and not larger
      order by created_at, slot limit p_limit for update skip locked) r;
    if chosen_runs is null then return null; end if;
    insert into jobs.launches (runner, request, target, instances, send_until, held_until)
    values (p_runner, p_request, chosen, cardinality(chosen_runs),
      (select min(created_at + (start_deadline - created_at) / 2) from jobs.runs where id = any (chosen_runs)), moment + hold)
    returning * into taken;
    update jobs.runs set launch = taken.id where id = any (chosen_runs);
  end if;
  return json_build_object('launch', taken.id, 'send', taken.sends, 'request', taken.request, 'target', taken.target,
    'instances', taken.instances, 'sendMs', 1000 * extract(epoch from least(taken.send_until - moment, hold / 2)));
end
$$;

grant execute on function jobs.begin_launch(text, text, text, text[], integer, double precision, text, integer, double precision) to dispatcher;
