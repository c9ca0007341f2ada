-- Returns the next job for a larger run (one with more memory, for jobs that ran out of it), with its row locked, in the
-- order of jobs.next_job. Few jobs wait for a larger run, so sorting them is cheap.
create or replace function jobs.next_larger_job(p_runner text, p_tenant_slots integer)
returns bigint language sql set search_path = pg_catalog, pg_temp as $$
  select id from jobs.jobs j
  where runner = p_runner and status = 'PENDING' and high_memory_retry_at <= jobs.clock() and jobs.free_tenant_slots(p_runner, tenant, p_tenant_slots) > 0
  order by rank desc, (select count(*) from jobs.jobs r where r.tenant = j.tenant and r.status = 'IN_PROGRESS'), created_at, id
  limit 1 for update skip locked
$$;
