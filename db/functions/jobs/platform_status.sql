-- Returns the metrics of jobs.job_metrics with further signs of a bottleneck: the database's connections, runner types
-- that may not start runs, and jobs in progress. Every role may count the sessions of other roles, but not see their
-- statements.
create or replace function jobs.platform_status(p_minutes integer)
returns jsonb language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select f.metrics
    || jsonb_build_object('database', jsonb_build_object(
      'connections', (select count(*) from pg_stat_activity where datid is not null),
      'maxConnections', current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer))
    || jsonb_build_object('paused', (
      select coalesce(jsonb_object_agg(runner, case paused_until when 'infinity' then 'closed' else jobs.iso(paused_until) end), '{}')
      from jobs.runners where paused_until > jobs.clock()))
    || jsonb_build_object('working', (
      select coalesce(jsonb_object_agg(runner, working), '{}')
      from (select runner, count(*) as working from jobs.jobs where status = 'IN_PROGRESS' group by runner) w))
  from (select jobs.job_metrics(p_minutes) as metrics) f
$$;

grant execute on function jobs.platform_status(integer) to api_reader;
