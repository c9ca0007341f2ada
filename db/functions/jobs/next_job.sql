-- Returns the next waiting job of a runner type, with its row locked: the highest rank (priority plus one point per
-- minute of waiting), within a rank a job of the tenant with the fewest running jobs, then the oldest job. Tenants that
-- already use all their slots are skipped. The cost does not grow with the number of waiting jobs, nor with the number
-- of tenants, except if the first hundred jobs of a rank belong to tenants with running jobs: then the waiting tenants
-- are compared one by one.
-- p_tenant_slots: maximum running jobs per tenant; null: no maximum.
create or replace function jobs.next_job(p_runner text, p_tenant_slots integer)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  best integer;
  candidate text;
  busy text[];
  chosen bigint;
begin
  -- Usually only one tenant has waiting jobs, so there is nothing to compare. Checked with two index probes; min and max
  -- would read all waiting jobs if the table's statistics say that few wait.
  if p_tenant_slots is null then
    select id into chosen from jobs.jobs
    where runner = p_runner and status = 'PENDING' and not_before is null
      and (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING'
             and tenant > (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' order by tenant limit 1)
           order by tenant limit 1) is null
    order by rank desc, created_at, id limit 1 for update skip locked;
    if chosen is not null then return chosen; end if;
  end if;
  select rank into best from jobs.jobs
  where runner = p_runner and status = 'PENDING' and not_before is null order by rank desc limit 1;
  if best is null then return null; end if;
  -- No tenant has fewer running jobs than one without any: the oldest job of such a tenant is the next.
  busy := array(select distinct tenant from jobs.jobs where status = 'IN_PROGRESS');
  select j.id into chosen
  from (select id, tenant from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank = best
        order by created_at, id limit 100) oldest
  join jobs.jobs j on j.id = oldest.id
  where oldest.tenant <> all (busy) and j.status = 'PENDING'
  order by j.created_at, j.id limit 1 for update of j skip locked;
  if chosen is not null then return chosen; end if;
  while best is not null and chosen is null loop
    for candidate in
      with first(tenant, created_at) as materialized (
        select w.tenant, (select j.created_at from jobs.jobs j
                          where j.runner = p_runner and j.status = 'PENDING' and j.not_before is null and j.rank = best and j.tenant = w.tenant
                          order by j.created_at limit 1)
        from jobs.waiting_tenants(p_runner) w(tenant)
      )
      select f.tenant from first f
      where f.created_at is not null and (p_tenant_slots is null or jobs.free_tenant_slots(p_runner, f.tenant, p_tenant_slots) > 0)
      order by (select count(*) from jobs.jobs r where r.tenant = f.tenant and r.status = 'IN_PROGRESS'), f.created_at
    loop
      select id into chosen from jobs.jobs
      where runner = p_runner and status = 'PENDING' and not_before is null and rank = best and tenant = candidate
      order by created_at, id limit 1 for update skip locked;
      exit when chosen is not null;
    end loop;
    -- All jobs of this rank are locked by other claims, or their tenants already use all their slots: continue with a
    -- lower rank.
    if chosen is null and p_tenant_slots is null then
      select rank into best from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank < best order by rank desc limit 1;
    elsif chosen is null then
      -- A tenant without a free slot may have jobs of a thousand ranks, so only the best ranks of the other tenants are
      -- compared.
      select max((select j.rank from jobs.jobs j
                  where j.runner = p_runner and j.status = 'PENDING' and j.tenant = w.tenant and j.not_before is null and j.rank < best
                  order by j.not_before, j.rank desc limit 1))
      into best from jobs.waiting_tenants(p_runner) w(tenant) where jobs.free_tenant_slots(p_runner, w.tenant, p_tenant_slots) > 0;
    end if;
  end loop;
  return chosen;
end
$$;
