create or replace function jobs.keep_token(p_id text, p_hash text, p_name text, p_tenant text, p_scopes text[])
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.tokens (id, hash, name, tenant, scopes) values (p_id, decode(p_hash, 'hex'), p_name, p_tenant, p_scopes)
$$;

grant execute on function jobs.keep_token(text, text, text, text, text[]) to api_reader;
