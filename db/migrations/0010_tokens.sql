-- The API makes and revokes tokens for its admins through functions; the table itself it may only read.
set local role migrator;

create function jobs.keep_token(p_id text, p_hash text, p_name text, p_tenant text, p_scopes text[])
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.tokens (id, hash, name, tenant, scopes) values (p_id, decode(p_hash, 'hex'), p_name, p_tenant, p_scopes)
$$;

-- Whether there was one to revoke.
create function jobs.revoke_token(p_id text)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with revoked as (
    update jobs.tokens set revoked_at = jobs.clock() where id = p_id and revoked_at is null returning 1)
  select exists (select from revoked)
$$;

revoke execute on function jobs.keep_token(text, text, text, text, text[]), jobs.revoke_token(text) from public;
grant execute on function jobs.keep_token(text, text, text, text, text[]), jobs.revoke_token(text) to api_reader;

reset role;
