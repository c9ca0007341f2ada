-- Tokens, sessions and links that are neither revoked nor expired, and whose parent, if any, is neither.
create or replace view jobs.active_credentials as
select t.id, t.hash, t.kind, t.name, t.tenant, t.scopes, t.created_at, t.expires_at, t.last_used_on, t.parent, t.owner
from jobs.tokens t
where t.revoked_at is null and (t.expires_at is null or t.expires_at > jobs.clock())
  and (t.parent is null or exists (
    select from jobs.tokens p where p.id = t.parent and p.revoked_at is null and (p.expires_at is null or p.expires_at > jobs.clock())));

grant select on jobs.active_credentials to api_reader;
