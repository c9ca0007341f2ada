-- Closes all runner types, so that no further run is started, or (p_closed false) reopens the closed runner types.
create or replace function jobs.close_runners(p_closed boolean)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.runners set paused_until = case when p_closed then 'infinity'::timestamptz end, pauses = 0
  where p_closed or paused_until = 'infinity'
$$;

grant execute on function jobs.close_runners(boolean) to dispatcher;
