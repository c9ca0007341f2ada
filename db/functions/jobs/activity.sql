-- Returns counts and times of the jobs of a tenant (null: of all) per step of a period of up to a week. p_near: maximum
-- bytes of a result in S3 that counts as nearly inline. work_mem keeps the period's jobs in memory, and JIT is off
-- because compiling takes longer than the statement.
create or replace function jobs.activity(p_tenant text, p_seconds integer, p_steps integer, p_near bigint, p_until timestamptz)
returns jsonb language sql stable security definer set search_path = pg_catalog, pg_temp set work_mem = '64MB' set jit = off as $$
  with clock as materialized (
    select coalesce(p_until, jobs.clock()) as now, make_interval(secs => p_seconds::float8 / p_steps) as step
  ), span as materialized (
    -- Steps begin at the same times in every call, and the last one is incomplete; with p_until, the last step contains
    -- the end of the period.
    select now, step, date_bin(step, case when p_until is null then now else now - interval '1 microsecond' end,
      '2000-01-01T00:00:00Z') - step * (p_steps - 1) as since from clock
  ), ended as materialized (
    select date_bin(step, finished_at, since) as at, status, finished_at,
      (stats -> 'queueMs')::float8 as queue, (stats -> 'totalMs')::float8 as total,
      case when attempt > 0 then (stats -> 'executionMs')::float8 end as run,
      case when error is not null then error ->> 'type' end as error_type,
      case when error is not null then error ->> 'category' end as category,
      case when result ? 'location' then (result ->> 'bytes')::bigint end as pointed,
      coalesce(task ->> 'query', task ->> 'statement', 'load ' || (task ->> 'target'), 'raw SQL') as what
    from jobs.jobs, span where finished_at >= since and (p_until is null or finished_at < p_until) and (p_tenant is null or tenant = p_tenant)
  ), accepted as (
    select date_bin(step, created_at, since) as at, count(*) as accepted
    from jobs.jobs, span where created_at >= since and (p_until is null or created_at < p_until) and (p_tenant is null or tenant = p_tenant) group by 1
  ), stepped as (
    select at, count(*) filter (where status = 'SUCCEEDED') as succeeded, count(*) filter (where status = 'FAILED') as failed,
      count(*) filter (where status = 'CANCELLED') as cancelled,
      percentile_cont(array[0.5, 0.95]) within group (order by queue) as queue,
      percentile_cont(array[0.5, 0.95]) within group (order by run) as run
    from ended group by at
  ), steps as (
    select jsonb_agg(jsonb_build_object(
      'at', jobs.iso(s.at), 'accepted', coalesce(a.accepted, 0),
      'succeeded', coalesce(e.succeeded, 0), 'failed', coalesce(e.failed, 0), 'cancelled', coalesce(e.cancelled, 0),
      'queueMs', jsonb_build_object('p50', e.queue[1], 'p95', e.queue[2]),
      'runMs', jsonb_build_object('p50', e.run[1], 'p95', e.run[2])) order by s.at) as list
    from (select since + step * n as at from span, generate_series(0, p_steps - 1) n) s
    left join stepped e on e.at = s.at left join accepted a on a.at = s.at
  ), errors as (
    select coalesce(jsonb_agg(jsonb_build_object('type', error_type, 'category', category, 'count', n, 'last', jobs.iso(last)) order by n desc, error_type), '[]') as list
    from (select error_type, category, count(*) as n, max(finished_at) as last from ended where status = 'FAILED' group by 1, 2) e
  ), slowest as (
    select coalesce(jsonb_agg(jsonb_build_object('what', what, 'count', n, 'p50', p[1], 'p95', p[2], 'max', longest) order by p[2] desc, what), '[]') as list
    from (select what, count(*) as n, percentile_cont(array[0.5, 0.95]) within group (order by run) as p, max(run) as longest
          from ended where run is not null group by what order by percentile_cont(0.95) within group (order by run) desc limit 10) w
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
    'from', jobs.iso(since), 'to', jobs.iso(now), 'stepSeconds', extract(epoch from step),
    'steps', steps.list, 'errors', errors.list, 'slowest', slowest.list,
    'ended', jsonb_build_object('succeeded', succeeded, 'failed', failed, 'cancelled', cancelled),
    'results', jsonb_build_object('byPointer', by_pointer, 'nearlyInline', nearly_inline),
    'percentiles', jsonb_build_object(
      'queueMs', jsonb_build_object('p50', queue[1], 'p95', queue[2], 'p99', queue[3]),
      'runMs', jsonb_build_object('p50', run[1], 'p95', run[2], 'p99', run[3]),
      'totalMs', jsonb_build_object('p50', total[1], 'p95', total[2], 'p99', total[3])))
  from span, steps, errors, slowest, sums
$$;

grant execute on function jobs.activity(text, integer, integer, bigint, timestamptz) to api_reader;
