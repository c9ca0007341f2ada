-- The next waiting job of a runner type, its row held: the highest rank (priority plus a point a minute waited), within it
-- the tenant with the fewest running, then the oldest. Tenants that have all their slots are skipped. The tenants of the
-- rank are found by jumping along the index, so that a claim costs the same whether ten jobs wait or a hundred thousand.
-- p_tenant_slots: the most jobs of one tenant at once, null for no maximum.
create or replace function jobs.next_job(p_runner text, p_tenant_slots integer)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  best integer;
  candidate text;
  last_tenant text;
  chosen bigint;
begin
  select rank, tenant into best, candidate from jobs.jobs
  where runner = p_runner and status = 'PENDING' and not_before is null order by rank desc, tenant limit 1;
  if best is null then return null; end if;
  -- Mostly one tenant waits at the highest rank: then there is nothing to compare.
  if p_tenant_slots is null then
    select tenant into last_tenant from jobs.jobs
    where runner = p_runner and status = 'PENDING' and not_before is null and rank = best order by tenant desc limit 1;
    if last_tenant = candidate then
      select id into chosen from jobs.jobs
      where runner = p_runner and status = 'PENDING' and not_before is null and rank = best and tenant = candidate
      order by created_at, id limit 1 for update skip locked;
      if chosen is not null then return chosen; end if;
    end if;
  end if;
  while best is not null and chosen is null loop
    for candidate in
      with recursive waiting(tenant) as (
        (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank = best order by tenant limit 1)
        union all
        select (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank = best and tenant > w.tenant
                order by tenant limit 1)
        from waiting w where w.tenant is not null
      )
      select w.tenant from waiting w where w.tenant is not null and (p_tenant_slots is null or jobs.free_tenant_slots(p_runner, w.tenant, p_tenant_slots) > 0)
      order by (select count(*) from jobs.jobs r where r.tenant = w.tenant and r.status = 'IN_PROGRESS'),
               (select min(j.created_at) from jobs.jobs j where j.runner = p_runner and j.status = 'PENDING' and j.not_before is null and j.rank = best and j.tenant = w.tenant)
    loop
      select id into chosen from jobs.jobs
      where runner = p_runner and status = 'PENDING' and not_before is null and rank = best and tenant = candidate
      order by created_at, id limit 1 for update skip locked;
      exit when chosen is not null;
    end loop;
    -- All of this rank are being taken by others at this moment, or their tenants have all their slots: look at a lower rank.
    if chosen is null and p_tenant_slots is null then
      select rank into best from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null and rank < best order by rank desc limit 1;
    elsif chosen is null then
      -- One tenant without a free slot may have jobs of a thousand ranks, so the tenants are asked for their best rank.
      with recursive waiting(tenant) as (
        (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' order by tenant limit 1)
        union all
        select (select tenant from jobs.jobs where runner = p_runner and status = 'PENDING' and tenant > w.tenant order by tenant limit 1)
        from waiting w where w.tenant is not null
      )
      select max((select j.rank from jobs.jobs j
                  where j.runner = p_runner and j.status = 'PENDING' and j.tenant = w.tenant and j.not_before is null and j.rank < best
                  order by j.not_before, j.rank desc limit 1))
      into best from waiting w where w.tenant is not null and jobs.free_tenant_slots(p_runner, w.tenant, p_tenant_slots) > 0;
    end if;
  end loop;
  return chosen;
end
$$;
