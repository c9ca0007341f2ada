-- Stores a session or a link for p_seconds, but not longer than its parent, and not later than p_until: the expiry of
-- the session that creates it, or null. A link passes p_until on to its session. An owner has at most 50 of a kind: the
-- oldest are deleted. p_proof: SHA-256 of the ID token that creates the session, or null. Returns the expiry of the
-- session or link; null if the parent is no longer active, or if the ID token has already created a session.
create or replace function jobs.store_session(
  p_id text, p_hash text, p_kind text, p_name text, p_tenant text, p_scopes text[], p_parent text, p_owner text, p_proof text, p_seconds integer,
  p_until timestamptz)
returns timestamptz language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  expires timestamptz := least(jobs.clock() + make_interval(secs => p_seconds), p_until);
begin
  if p_kind not in ('session', 'link') then raise exception 'neither a session nor a link: %', p_kind; end if;
  if p_parent is not null then
    select least(expires, coalesce(a.expires_at, 'infinity')) into expires from jobs.active_credentials a where a.id = p_parent;
    if not found then return null; end if;
  end if;
  delete from jobs.tokens where id in (
    select id from jobs.tokens where owner = p_owner and kind = p_kind order by created_at desc, id offset 49)
    and id is distinct from p_parent;
  insert into jobs.tokens (id, hash, kind, name, tenant, scopes, expires_at, parent, owner, proof, session_until)
  values (p_id, decode(p_hash, 'hex'), p_kind, p_name, p_tenant, p_scopes, expires, p_parent, p_owner, decode(p_proof, 'hex'),
    case when p_kind = 'link' then p_until end)
  on conflict (proof) do nothing;
  if not found then return null; end if;
  return expires;
end
$$;

grant execute on function jobs.store_session(text, text, text, text, text, text[], text, text, text, integer, timestamptz) to api_reader;
