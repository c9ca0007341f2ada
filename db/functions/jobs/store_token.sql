create or replace function jobs.store_token(p_id text, p_hash text, p_name text, p_tenant text, p_scopes text[], p_expires_at timestamptz)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.tokens (id, hash, name, tenant, scopes, expires_at)
  values (p_id, decode(p_hash, 'hex'), p_name, p_tenant, p_scopes, p_expires_at)
$$;

grant execute on function jobs.store_token(text, text, text, text, text[], timestamptz) to api_reader;
