-- Wakes idle runs when a tenant that used all its slots frees one while more of its jobs wait. Called before the job
-- that ends leaves IN_PROGRESS.
create or replace function jobs.wake_tenant(p_runner text, p_tenant text)
returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  maximum integer := (select tenant_slots from jobs.runners where runner = p_runner);
begin
  if maximum is null or jobs.free_tenant_slots(p_runner, p_tenant, maximum) > 0 then return; end if;
  if exists (select from jobs.jobs where runner = p_runner and tenant = p_tenant and status = 'PENDING') then
    perform pg_notify('jobs_waiting_' || p_runner, '');
  end if;
end
$$;
