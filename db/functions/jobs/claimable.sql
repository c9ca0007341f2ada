-- Counts waiting jobs that could be claimed now, up to p_limit: of each tenant, no more than it has free slots. Visits
-- at most p_limit tenants with a free slot, and at most as many without one as there are running jobs, since each of
-- those has a running job.
create or replace function jobs.claimable(p_runner text, p_tenant_slots integer, p_limit integer)
returns integer language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  candidate text;
  found_jobs integer := 0;
begin
  if p_tenant_slots is null then
    return (select count(*) from (select from jobs.jobs where runner = p_runner and status = 'PENDING' and not_before is null limit p_limit) w);
  end if;
  select tenant into candidate from jobs.jobs
  where runner = p_runner and status = 'PENDING' and not_before is null order by tenant limit 1;
  while candidate is not null and found_jobs < p_limit loop
    found_jobs := found_jobs + (
      select count(*) from (
        select from jobs.jobs where runner = p_runner and tenant = candidate and status = 'PENDING' and not_before is null
        limit greatest(0, least(p_limit - found_jobs, jobs.free_tenant_slots(p_runner, candidate, p_tenant_slots)))) w);
    select tenant into candidate from jobs.jobs
    where runner = p_runner and status = 'PENDING' and not_before is null and tenant > candidate order by tenant limit 1;
  end loop;
  return found_jobs;
end
$$;
