-- Revokes a token or a session; the sessions that it created end with it. Returns false if it does not exist or is
-- already revoked.
create or replace function jobs.revoke_token(p_id text)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with revoked as (
    update jobs.tokens set revoked_at = jobs.clock() where id = p_id and revoked_at is null returning 1)
  select exists (select from revoked)
$$;

grant execute on function jobs.revoke_token(text) to api_reader;
