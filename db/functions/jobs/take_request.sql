-- Books one request of a kind that AWS limits per account: p_burst at once, then p_per_second. All dispatchers share
-- the rate. Returns 0 if it may be sent now; otherwise nothing is booked, and the result is the milliseconds to wait.
create or replace function jobs.take_request(p_name text, p_burst integer, p_per_second double precision)
returns double precision language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  step constant interval := make_interval(secs => 1 / p_per_second);
  -- Due time of the next request at the steady rate. With a full bucket, p_burst - 1 requests may be sent before it.
  due_at timestamptz;
  asked_at timestamptz;
  wait double precision;
begin
  insert into jobs.request_rates (name, due) values (p_name, '-infinity') on conflict do nothing;
  select due into due_at from jobs.request_rates where name = p_name for update;
  asked_at := jobs.clock();
  due_at := greatest(due_at, asked_at);
  wait := 1000 * extract(epoch from due_at - step * (p_burst - 1) - asked_at);
  if wait > 0 then return wait; end if;
  update jobs.request_rates set due = due_at + step where name = p_name;
  return 0;
end
$$;

grant execute on function jobs.take_request(text, integer, double precision) to dispatcher;
