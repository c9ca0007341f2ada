-- Returns metrics of the last p_minutes minutes. Waiting jobs are read in two parts, each by the partial index that
-- contains it, so that the cost does not grow with the number of ended jobs.
create or replace function jobs.job_metrics(p_minutes integer)
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
    -- A requeued job has waited since it was requeued, not since its creation. A job in back-off is not overdue.
    select runner, count(*) as waiting,
      extract(epoch from (select now from span) - min(
        case when attempt = 0 then created_at else (status_history -> -1 ->> 'at')::timestamptz end
      ) filter (where not_before is null)) as oldest
    from pending group by runner
  ), running as (
    select runner, count(*) as running from jobs.runs where state <> 'ENDED' group by runner
  ), refused as (
    -- A run that was not launched (refused by AWS, too late, or never confirmed) has no external id.
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
    -- Counted by the runner type of the attempt, since the job may have moved to the other type afterwards. The last
    -- attempt of a failed job has the outcome FAILED; its reason is the job's error.
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
  ), unsent as (
    select changed_at as asked_at from jobs.jobs where due_at is not null
    union all select finished_at from jobs.pending_responses
    union all select asked_at from jobs.answers where due_at is not null
  ), runners as (
    select jsonb_object_agg(runner_type, jsonb_build_object(
      'waiting', coalesce(w.waiting, 0), 'oldestWaiting', coalesce(greatest(w.oldest, 0), 0),
      'running', coalesce(r.running, 0), 'refused', coalesce(f.refused, 0),
      'lost', coalesce(a.lost, 0), 'outOfMemory', coalesce(a.out_of_memory, 0),
      'succeeded', coalesce(e.succeeded, 0), 'failedByRequest', coalesce(e.failed_by_request, 0),
      'failedByPlatform', coalesce(e.failed_by_platform, 0),
      'queueTime', e.queue, 'runTime', e.execution, 'peakMemory', e.peak)) as metrics
    from (select runner as runner_type from jobs.runners) k
    left join waiting w on w.runner = runner_type left join running r on r.runner = runner_type left join refused f on f.runner = runner_type
    left join attempts a on a.runner = runner_type left join ended e on e.runner = runner_type
  )
  select metrics || jsonb_build_object('platform', (
    select jsonb_build_object(
      'unsentResponses', (select count(*) from unsent),
      'oldestUnsent', coalesce(extract(epoch from now - (select min(asked_at) from unsent)), 0),
      'documentsBehind', (select count(distinct job_id) from jobs.untracked) + (select count(*) from jobs.rejected where not tracked),
      'oldestBehind', coalesce(extract(epoch from now - least((select min(since) from jobs.untracked), (select min(last_at) from jobs.rejected where not tracked))), 0),
      'lockWaits', (select count(*) from pg_locks where not granted),
      'oldestLockWait', coalesce(extract(epoch from now - (select min(waitstart) from pg_locks where not granted)), 0))
    from span))
  from runners
$$;

grant execute on function jobs.job_metrics(integer) to dispatcher;
