-- Records the day on which a token was last used: at most one row version per token and day.
create or replace function jobs.token_used(p_id text)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.tokens set last_used_on = (jobs.clock() at time zone 'UTC')::date
  where id = p_id and last_used_on is distinct from (jobs.clock() at time zone 'UTC')::date
$$;

grant execute on function jobs.token_used(text) to api_reader;
