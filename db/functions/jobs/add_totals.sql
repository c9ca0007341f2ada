-- Adds the events of the whole minutes since the last call, at most p_minutes, to the counters (jobs.totals) and to the
-- usage of tenants (jobs.usage). Deletes usage older than p_months. A minute is counted one minute after its end, so
-- that jobs are included whose end was committed late. p_buckets: upper bounds of the histograms, in seconds. Returns
-- the end of the last counted minute; null while another session is counting.
create or replace function jobs.add_totals(p_buckets float8[], p_minutes integer, p_months integer)
returns timestamptz language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_since timestamptz;
  v_until timestamptz;
begin
  select counted_until into v_since from jobs.totals_progress for update skip locked;
  if not found then
    return null;
  end if;
  v_until := least(date_trunc('minute', jobs.clock()) - interval '1 minute', v_since + make_interval(mins => p_minutes));
  if v_until <= v_since then
    return v_since;
  end if;
  update jobs.totals_progress set counted_until = v_until;
  with ended as materialized (
    select tenant, runner, status, attempts, (finished_at at time zone 'UTC')::date as day, error ->> 'category' as category,
      case when error ->> 'type' ~ '^[A-Za-z]{1,60}$' then error ->> 'type' else 'Other' end as type,
      (stats ->> 'queueMs')::float8 / 1000 as queue,
      case when attempt > 0 then (stats ->> 'executionMs')::float8 / 1000 end as run,
      coalesce((stats ->> 'rows')::bigint, 0) as result_rows, coalesce((stats ->> 'bytes')::bigint, 0) as result_bytes
    from jobs.jobs where finished_at >= v_since and finished_at < v_until
  ), usage as (
    insert into jobs.usage (tenant, month, succeeded, failed, cancelled, rows, bytes, glue_seconds, ec2_seconds)
    select tenant, date_trunc('month', day)::date, count(*) filter (where status = 'SUCCEEDED'),
      count(*) filter (where status = 'FAILED'), count(*) filter (where status = 'CANCELLED'),
      sum(result_rows), sum(result_bytes), sum(glue), sum(ec2)
    from ended, lateral (
      select coalesce(sum(seconds) filter (where a ->> 'runner' = 'glue'), 0) as glue,
        coalesce(sum(seconds) filter (where a ->> 'runner' = 'ec2'), 0) as ec2
      from jsonb_array_elements(attempts) a, lateral (select greatest(
        extract(epoch from (a ->> 'endedAt')::timestamptz - (a ->> 'startedAt')::timestamptz), 0)::float8 as seconds) s
    ) used
    group by 1, 2
    on conflict (month, tenant) do update set succeeded = usage.succeeded + excluded.succeeded,
      failed = usage.failed + excluded.failed, cancelled = usage.cancelled + excluded.cancelled,
      rows = usage.rows + excluded.rows, bytes = usage.bytes + excluded.bytes,
      glue_seconds = usage.glue_seconds + excluded.glue_seconds, ec2_seconds = usage.ec2_seconds + excluded.ec2_seconds
  ), times as (
    select runner, 'queueTime' as metric, queue as seconds from ended where queue is not null
    union all
    select runner, 'runTime', run from ended where run is not null
  ), attempts as (
    -- Ended attempts by their runner type, also those of jobs that have not ended (as in jobs.job_metrics).
    select a ->> 'runner' as runner, case reason when 'RunnerLost' then 'lost' else 'outOfMemory' end as metric
    from (
      select attempts, error from jobs.jobs where status = 'PENDING' and not_before is null and attempt > 0
      union all
      select attempts, error from jobs.jobs where status = 'PENDING' and not_before is not null and attempt > 0
      union all
      select attempts, error from jobs.jobs where status = 'IN_PROGRESS' and attempt > 1
      union all
      select attempts, error from jobs.jobs where finished_at >= v_since
    ) j, jsonb_array_elements(j.attempts) a,
      lateral (select case a ->> 'outcome' when 'FAILED' then j.error ->> 'type' else a ->> 'outcome' end as reason) r
    where (a ->> 'endedAt')::timestamptz >= v_since and (a ->> 'endedAt')::timestamptz < v_until
      and reason in ('RunnerLost', 'OutOfMemory')
  ), counted as (
    select 'succeeded' as metric, runner, '' as type, 'infinity'::float8 as le, count(*)::float8 as value
    from ended where status = 'SUCCEEDED' group by runner
    union all
    select case category when 'User' then 'failedByRequest' else 'failedByPlatform' end, runner, type, 'infinity', count(*)
    from ended where status = 'FAILED' group by 1, 2, 3
    union all
    select metric, runner, '', 'infinity', count(*) from attempts group by 1, 2
    union all
    select 'refused', runner, '', 'infinity', count(*) from jobs.runs
    where state = 'ENDED' and external_id is null and ended_at >= v_since and ended_at < v_until group by runner
    union all
    select metric, runner, '', b, count(*) filter (where seconds <= b)
    from times, unnest(p_buckets || 'infinity'::float8) b group by 1, 2, 4
    union all
    select metric || 'Sum', runner, '', 'infinity', sum(seconds) from times group by 1, 2
  )
  insert into jobs.totals as t (metric, runner, type, le, value)
  select metric, runner, type, le, value from counted where value > 0
  on conflict (metric, runner, type, le) do update set value = t.value + excluded.value;
  delete from jobs.usage where month < (jobs.clock() at time zone 'UTC')::date - make_interval(months => p_months);
  return v_until;
end
$$;

grant execute on function jobs.add_totals(float8[], integer, integer) to dispatcher;
