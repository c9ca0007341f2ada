-- What people look at every few seconds, for less: figures (0007) and activity (0008) answer as they did, from less work,
-- but that a job which was cancelled is no error, and one that never ran has no run time.
set local role migrator;

-- Jobs that wait are read off the two indexes that hold them: `status = 'PENDING'` alone is in none, and every look read
-- all jobs of all time.
create or replace function jobs.figures(p_minutes integer)
returns jsonb language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with clock as materialized (
    select jobs.clock() as now, date_trunc('minute', jobs.clock()) as until
  ), span as materialized (
    select now, until, until - make_interval(mins => p_minutes) as since from clock
  ), pending as not materialized (
    select runner, attempt, attempts, error, created_at, not_before, status_history
    from jobs.jobs where status = 'PENDING' and not_before is null
    union all
    select runner, attempt, attempts, error, created_at, not_before, status_history
    from jobs.jobs where status = 'PENDING' and not_before is not null
  ), waiting as (
    -- A job that comes back waits since then, not since it was made. One that waits out a back-off is not late.
    select runner, count(*) as waiting,
      extract(epoch from (select now from span) - min(
        case when attempt = 0 then created_at else (status_history -> -1 ->> 'at')::timestamptz end
      ) filter (where not_before is null)) as oldest
    from pending group by runner
  ), running as (
    select runner, count(*) as running from jobs.runs where state <> 'ENDED' group by runner
  ), refused as (
    -- The launcher was told that there is no room: the run never had a name outside.
    select runner, count(*) as refused from jobs.runs, span
    where state = 'ENDED' and external_id is null and ended_at >= since and ended_at < until group by runner
  ), ended as (
    select runner, count(*) filter (where status = 'SUCCEEDED') as succeeded,
      count(*) filter (where status = 'FAILED' and error ->> 'category' = 'User') as failed_by_request,
      count(*) filter (where status = 'FAILED' and error ->> 'category' <> 'User') as failed_by_platform,
      percentile_cont(0.95) within group (order by (stats ->> 'queueMs')::float8) / 1000 as queue,
      percentile_cont(0.95) within group (order by (stats ->> 'executionMs')::float8) filter (where attempt > 0) / 1000 as execution,
      max((stats ->> 'peakMemoryBytes')::float8) as peak
    from jobs.jobs, span where finished_at >= since and finished_at < until group by runner
  ), attempts as (
    -- Under the runner that the attempt was made on: a job may have been given to the other kind since. The last attempt
    -- of a job that failed is FAILED, for the job's reason.
    select a ->> 'runner' as runner, count(*) filter (where reason = 'RunnerLost') as lost,
      count(*) filter (where reason = 'OutOfMemory') as out_of_memory
    from (
      select attempts, error from pending where attempt > 0
      union all select attempts, error from jobs.jobs where status = 'IN_PROGRESS' and attempt > 1
      union all select attempts, error from jobs.jobs, span where finished_at >= since
    ) j, jsonb_array_elements(j.attempts) a, span,
      lateral (select case a ->> 'outcome' when 'FAILED' then j.error ->> 'type' else a ->> 'outcome' end as reason) r
    where (a ->> 'endedAt')::timestamptz >= since and (a ->> 'endedAt')::timestamptz < until
    group by 1
  ), runners as (
    select jsonb_object_agg(kind, jsonb_build_object(
      'waiting', coalesce(w.waiting, 0), 'oldestWaiting', coalesce(greatest(w.oldest, 0), 0),
      'running', coalesce(r.running, 0), 'refused', coalesce(f.refused, 0),
      'lost', coalesce(a.lost, 0), 'outOfMemory', coalesce(a.out_of_memory, 0),
      'succeeded', coalesce(e.succeeded, 0), 'failedByRequest', coalesce(e.failed_by_request, 0),
      'failedByPlatform', coalesce(e.failed_by_platform, 0),
      'queueTime', e.queue, 'runTime', e.execution, 'peakMemory', e.peak)) as figures
    from (select runner as kind from jobs.runners) k
    left join waiting w on w.runner = kind left join running r on r.runner = kind left join refused f on f.runner = kind
    left join attempts a on a.runner = kind left join ended e on e.runner = kind
  )
  select figures || jsonb_build_object('platform', (
    select jsonb_build_object(
      'unsentResponses', (select count(*) from jobs.responses where sent_at is null),
      'oldestUnsent', coalesce(extract(epoch from now - (select min(created_at) from jobs.responses where sent_at is null)), 0),
      'documentsBehind', (select count(*) from jobs.tracking_outbox),
      'oldestBehind', coalesce(extract(epoch from now - (select min(o.since) from jobs.tracking_outbox o)), 0),
      'lockWaits', (select count(*) from pg_locks where not granted),
      'oldestLockWait', coalesce(extract(epoch from now - (select min(waitstart) from pg_locks where not granted)), 0))
    from span))
  from runners
$$;

-- The hour's jobs in memory and not in a file, their times as the numbers that they are, steps by date_bin; and no machine
-- code made for a statement that is done before it would be.
create or replace function jobs.activity(p_tenant text, p_minutes integer, p_steps integer, p_near bigint)
returns jsonb language sql stable security definer set search_path = pg_catalog, pg_temp set work_mem = '64MB' set jit = off as $$
  with clock as materialized (
    select jobs.clock() as now, make_interval(secs => p_minutes * 60.0 / p_steps) as step
  ), span as materialized (
    -- Steps begin at the same instants at every look, the last one being under way.
    select now, step, date_bin(step, now, '2000-01-01T00:00:00Z') - step * (p_steps - 1) as since from clock
  ), ended as materialized (
    select date_bin(step, finished_at, since) as at, status, finished_at,
      (stats -> 'queueMs')::float8 as queue, (stats -> 'totalMs')::float8 as total,
      case when attempt > 0 then (stats -> 'executionMs')::float8 end as run,
      case when error is not null then error ->> 'type' end as error_type,
      case when error is not null then error ->> 'category' end as category,
      case when result ? 'location' then (result ->> 'bytes')::bigint end as pointed,
      coalesce(task ->> 'query', task ->> 'statement', 'load ' || (task ->> 'target'), 'raw SQL') as what
    from jobs.jobs, span where finished_at >= since and (p_tenant is null or tenant = p_tenant)
  ), accepted as (
    select date_bin(step, created_at, since) as at, count(*) as accepted
    from jobs.jobs, span where created_at >= since and (p_tenant is null or tenant = p_tenant) group by 1
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
    select coalesce(jsonb_agg(jsonb_build_object('what', what, 'count', n, 'p50', p[1], 'p95', p[2], 'max', most) order by p[2] desc, what), '[]') as list
    from (select what, count(*) as n, percentile_cont(array[0.5, 0.95]) within group (order by run) as p, max(run) as most
          from ended where run is not null group by what order by 3 desc limit 10) w
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

reset role;
