-- Returns the tenants with waiting jobs of a runner type by a loose index scan: the cost grows with the number of
-- tenants, not of their jobs. Internal.
create or replace function jobs.waiting_tenants(p_runner text)
returns setof text language sql stable set search_path = pg_catalog, pg_temp as $$
  with recursive waiting(tenant) as (
    (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' order by tenant limit 1)
    union all
    select (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' and tenant > w.tenant order by tenant limit 1)
    from waiting w where w.tenant is not null
  )
  select tenant from waiting where tenant is not null
$$;
