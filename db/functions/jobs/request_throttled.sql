-- Records that AWS throttled a request although the dispatchers kept the rate, for example because other programs of
-- the account use the same quota. No dispatcher sends another request of this kind for p_wait milliseconds; then they
-- restart with single requests.
create or replace function jobs.request_throttled(p_name text, p_burst integer, p_per_second double precision, p_wait double precision)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.request_rates (name, due)
  values (p_name, jobs.clock() + make_interval(secs => p_wait / 1000 + (p_burst - 1) / p_per_second))
  on conflict (name) do update set due = greatest(jobs.request_rates.due, excluded.due)
$$;

grant execute on function jobs.request_throttled(text, integer, double precision, double precision) to dispatcher;
