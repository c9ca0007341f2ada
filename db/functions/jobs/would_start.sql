-- Returns true if a new job of a tenant would start now: its tenant may run one more job than it has in progress and
-- waiting, and a run is left after the jobs in progress and the waiting jobs that could be claimed. While the start of
-- runs is paused, only existing runs count.
-- p_tenant_slots: maximum running jobs per tenant; null: no maximum.
create or replace function jobs.would_start(p_runner text, p_slots integer, p_tenant text, p_tenant_slots integer)
returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jobs.claimable(p_runner, p_tenant_slots, p_slots)
      + (select count(*) from jobs.jobs where runner = p_runner and status = 'IN_PROGRESS')
      < case when exists (select from jobs.runners where runner = p_runner and paused_until > jobs.clock())
        then (select count(*) from jobs.runs where runner = p_runner and state = 'RUNNING' and stop_at is null)
        else p_slots end
    and (p_tenant_slots is null or jobs.free_tenant_slots(p_runner, p_tenant, p_tenant_slots) > (
      select count(*) from (
        select from jobs.jobs where runner = p_runner and tenant = p_tenant and status = 'PENDING' limit p_tenant_slots) w))
$$;

grant execute on function jobs.would_start(text, integer, text, integer) to api_reader;
