-- Revokes a token or a session, and with it those that were made with it. Answers whether there was one to revoke.
create or replace function jobs.revoke_token(p_id text)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with revoked as (
    update jobs.tokens set revoked_at = jobs.clock() where id = p_id and revoked_at is null returning 1)
  select exists (select from revoked)
$$;

grant execute on function jobs.revoke_token(text) to api_reader;
