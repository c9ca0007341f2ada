-- Returns the number of further jobs of a tenant that may run on a runner type; 2147483647 without a maximum (null).
create or replace function jobs.free_tenant_slots(p_runner text, p_tenant text, p_tenant_slots integer)
returns integer language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  if p_tenant_slots is null then return 2147483647; end if;
  return p_tenant_slots - (select count(*) from jobs.jobs where tenant = p_tenant and runner = p_runner and status = 'IN_PROGRESS');
end
$$;
