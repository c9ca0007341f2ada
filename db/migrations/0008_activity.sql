-- What people look at: how the platform stands, and what became of jobs lately (runtime/jobs/activity.ts).
set local role migrator;

-- The figures of 0007, with what else a bottleneck shows in: the database's connections, and kinds that may not start
-- runs. Everybody's sessions can be counted by anybody, though not looked into.
create function jobs.standing(p_minutes integer)
returns jsonb language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select f.figures
    || jsonb_build_object('database', jsonb_build_object(
      'connections', (select count(*) from pg_stat_activity where datid is not null),
      'maxConnections', current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer))
    || jsonb_build_object('paused', (
      select coalesce(jsonb_object_agg(runner, case paused_until when 'infinity' then 'closed' else jobs.iso(paused_until) end), '{}')
      from jobs.runners where paused_until > jobs.clock()))
    || jsonb_build_object('working', (
      select coalesce(jsonb_object_agg(runner, working), '{}')
      from (select runner, count(*) as working from jobs.jobs where status = 'IN_PROGRESS' group by runner) w))
  from (select jobs.figures(p_minutes) as figures) f
$$;

-- The jobs that ended within so many minutes, of one tenant or (null) of all: over time in so many steps, in sum, by
-- error, by what they did. One look at each of them, through jobs_ended. `p_near` is a result's size in bytes: how many
-- went by pointer although they are no larger.
create function jobs.activity(p_tenant text, p_minutes integer, p_steps integer, p_near bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with clock as materialized (
    select jobs.clock() as now, make_interval(secs => p_minutes * 60.0 / p_steps) as step
  ), span as materialized (
    -- Steps begin at the same instants at every look, the last one being under way.
    select now, step, extract(epoch from step) as seconds,
      date_bin(step, now, '2000-01-01T00:00:00Z') - step * (p_steps - 1) as since
    from clock
  ), ended as materialized (
    select floor(extract(epoch from finished_at - since) / seconds)::integer as at, status, finished_at,
      (stats ->> 'queueMs')::float8 as queue, (stats ->> 'executionMs')::float8 as run, (stats ->> 'totalMs')::float8 as total,
      error ->> 'type' as error_type, error ->> 'category' as category,
      case when result ? 'location' then (result ->> 'bytes')::bigint end as pointed,
      coalesce(task ->> 'query', task ->> 'statement', 'load ' || (task ->> 'target'), 'raw SQL') as what
    from jobs.jobs, span where finished_at >= since and (p_tenant is null or tenant = p_tenant)
  ), accepted as (
    select floor(extract(epoch from created_at - since) / seconds)::integer as at, count(*) as accepted
    from jobs.jobs, span where created_at >= since and (p_tenant is null or tenant = p_tenant) group by 1
  ), stepped as (
    select at, count(*) filter (where status = 'SUCCEEDED') as succeeded, count(*) filter (where status = 'FAILED') as failed,
      count(*) filter (where status = 'CANCELLED') as cancelled,
      percentile_cont(array[0.5, 0.95]) within group (order by queue) as queue,
      percentile_cont(array[0.5, 0.95]) within group (order by run) as run
    from ended group by at
  ), steps as (
    select jsonb_agg(jsonb_build_object(
      'at', jobs.iso(since + step * s.at), 'accepted', coalesce(a.accepted, 0),
      'succeeded', coalesce(e.succeeded, 0), 'failed', coalesce(e.failed, 0), 'cancelled', coalesce(e.cancelled, 0),
      'queueMs', jsonb_build_object('p50', e.queue[1], 'p95', e.queue[2]),
      'runMs', jsonb_build_object('p50', e.run[1], 'p95', e.run[2])) order by s.at) as list
    from span, generate_series(0, p_steps - 1) s(at) left join stepped e on e.at = s.at left join accepted a on a.at = s.at
  ), errors as (
    select coalesce(jsonb_agg(jsonb_build_object('type', error_type, 'category', category, 'count', n, 'last', jobs.iso(last)) order by n desc, error_type), '[]') as list
    from (select error_type, category, count(*) as n, max(finished_at) as last from ended where error_type is not null group by 1, 2) e
  ), slowest as (
    select coalesce(jsonb_agg(jsonb_build_object('what', what, 'count', n, 'p50', p[1], 'p95', p[2], 'max', most) order by p[2] desc, what), '[]') as list
    from (select what, count(*) as n, percentile_cont(array[0.5, 0.95]) within group (order by run) as p, max(run) as most
          from ended group by what order by 3 desc limit 10) w
  ), sums as (
    select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by queue) as queue,
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by run) as run,
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by total) as total,
      count(*) filter (where status = 'SUCCEEDED') as succeeded, count(*) filter (where status = 'FAILED') as failed,
      count(*) filter (where status = 'CANCELLED') as cancelled,
      count(pointed) as by_pointer, count(*) filter (where pointed <= p_near) as nearly_inline
    from ended
  )
  select jsonb_build_object(
    'from', jobs.iso(since), 'to', jobs.iso(now), 'stepSeconds', seconds,
    'steps', steps.list, 'errors', errors.list, 'slowest', slowest.list,
    'ended', jsonb_build_object('succeeded', succeeded, 'failed', failed, 'cancelled', cancelled),
    'results', jsonb_build_object('byPointer', by_pointer, 'nearlyInline', nearly_inline),
    'percentiles', jsonb_build_object(
      'queueMs', jsonb_build_object('p50', queue[1], 'p95', queue[2], 'p99', queue[3]),
      'runMs', jsonb_build_object('p50', run[1], 'p95', run[2], 'p99', run[3]),
      'totalMs', jsonb_build_object('p50', total[1], 'p95', total[2], 'p99', total[3])))
  from span, steps, errors, slowest, sums
$$;

revoke execute on function jobs.standing(integer), jobs.activity(text, integer, integer, bigint) from public;
grant execute on function jobs.standing(integer), jobs.activity(text, integer, integer, bigint) to api_reader;

reset role;
