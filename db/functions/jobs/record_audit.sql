-- Records an action of a caller, if possible in the statement that executes it, so that neither exists without the
-- other.
create or replace function jobs.record_audit(
  p_tenant text, p_actor_id text, p_actor text, p_via text, p_action text, p_target text, p_detail jsonb)
returns bigint language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.audit (tenant, actor_id, actor, via, action, target, detail)
  values (p_tenant, p_actor_id, p_actor, p_via, p_action, left(p_target, 200), p_detail)
  returning id
$$;

grant execute on function jobs.record_audit(text, text, text, text, text, text, jsonb) to api_reader;
