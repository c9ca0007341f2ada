-- Exchanges a link for a session, once. No row: the link is unknown or was used, or the link or its parent
-- has expired or was revoked.
create or replace function jobs.redeem_link(p_link text, p_id text, p_hash text, p_seconds integer)
returns table (name text, tenant text, scopes text[], expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  link jobs.tokens;
begin
  delete from jobs.tokens t using jobs.active_credentials a
  where t.hash = decode(p_link, 'hex') and t.kind = 'link' and a.id = t.id
  returning t.* into link;
  if not found then return; end if;
  return query
    select link.name, link.tenant, link.scopes, session.at
    from (select jobs.store_session(p_id, p_hash, 'session', link.name, link.tenant, link.scopes, link.parent, link.owner, null,
      p_seconds, link.session_until) as at) session
    where session.at is not null;
end
$$;

grant execute on function jobs.redeem_link(text, text, text, integer) to api_reader;
