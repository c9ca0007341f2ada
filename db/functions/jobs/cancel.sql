-- Cancels a job: a waiting job ends at once; a running job is marked, and its run ends the job's database session and
-- then the job. Returns the job's status; null if the job does not exist.
create or replace function jobs.cancel(p_tenant text, p_request_id text, p_reason text default null)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  job jobs.jobs;
begin
  select * into job from jobs.jobs where tenant = p_tenant and request_id = p_request_id for update;
  if not found then return null; end if;
  if job.status = 'PENDING' then
    update jobs.jobs set cancel_requested_at = jobs.clock(), cancel_reason = p_reason where id = job.id;
    perform jobs.end_job(job.id, 'CANCELLED', null, jobs.cancelled(p_reason), 0, 0, null);
    perform jobs.respond_now(job.id);
    return 'CANCELLED';
  end if;
  if job.status = 'IN_PROGRESS' and job.cancel_requested_at is null then
    update jobs.jobs set cancel_requested_at = jobs.clock(), cancel_reason = p_reason, version = version + 1, changed = pg_current_xact_id(), changed_at = jobs.clock() where id = job.id;
    perform pg_notify('jobs_run_' || job.run_id, 'cancel');
  end if;
  return job.status;
end
$$;

grant execute on function jobs.cancel(text, text, text) to api_reader;
