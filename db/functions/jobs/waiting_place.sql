-- Returns the position of a waiting job in the order of its runner type, and the data that explains its wait; null for
-- a job that does not wait. Counts at most 1,001 jobs ahead. Among equal ranks, tenants with few running jobs come
-- first, so the position is approximate.
create or replace function jobs.waiting_place(p_tenant text, p_request_id text)
returns jsonb language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  job jobs.jobs;
  runner_row jobs.runners;
begin
  select * into job from jobs.jobs where tenant = p_tenant and request_id = p_request_id and status = 'PENDING';
  if not found then return null; end if;
  select * into runner_row from jobs.runners where runner = job.runner;
  return jsonb_strip_nulls(jsonb_build_object(
    'runner', job.runner,
    'waitedSeconds', greatest(0, extract(epoch from jobs.clock() - coalesce((job.status_history -> -1 ->> 'at')::timestamptz, job.created_at))),
    'attempt', job.attempt,
    'lastError', job.error ->> 'type',
    'needsLarger', job.high_memory_retry_at is not null,
    'notBeforeSeconds', case when job.not_before > jobs.clock() and isfinite(job.not_before) then extract(epoch from job.not_before - jobs.clock()) end,
    'paused', case when runner_row.paused_until = 'infinity' then 'closed' when runner_row.paused_until > jobs.clock() then jobs.iso(runner_row.paused_until) end,
    'ahead', (select count(*) from (
      select from jobs.jobs a
      where a.runner = job.runner and a.status = 'PENDING' and a.not_before is null
        and (a.rank > job.rank or (a.rank = job.rank and (a.created_at, a.id) < (job.created_at, job.id)))
      limit 1001) ahead),
    'working', (select count(*) from jobs.jobs w where w.runner = job.runner and w.status = 'IN_PROGRESS'),
    'starting', (select count(*) from jobs.runs r where r.runner = job.runner and r.state = 'STARTING'),
    'tenantSlots', runner_row.tenant_slots,
    'tenantWorking', (select count(*) from jobs.jobs t where t.tenant = job.tenant and t.runner = job.runner and t.status = 'IN_PROGRESS')));
end
$$;

grant execute on function jobs.waiting_place(text, text) to api_reader;
