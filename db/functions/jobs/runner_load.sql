-- Counts a runner type's runs that have not ended (`running`), its jobs in progress (`working`, which only the API of
-- the previous version reads), and its waiting jobs.
create or replace function jobs.runner_load(p_runner text)
returns table (running integer, working integer, waiting integer)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(*)::integer,
    (select count(*) from jobs.jobs where runner = p_runner and status = 'IN_PROGRESS')::integer,
    (select count(*) from jobs.jobs where runner = p_runner and status = 'PENDING')::integer
  from jobs.runs where runner = p_runner and state <> 'ENDED'
$$;

grant execute on function jobs.runner_load(text) to api_reader;
