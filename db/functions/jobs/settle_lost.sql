-- Requeues or ends a lost job after its session has ended. Checks the lease again under the row lock: a run that
-- resumed in time keeps its job (KEEP). Otherwise returns the result of jobs.retry, FAILED for a timeout, or LOST if
-- this attempt no longer has the job: it was settled or has ended.
create or replace function jobs.settle_lost(p_job bigint, p_attempt integer, p_reason text, p_error json)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
declare
  job jobs.jobs;
  outcome text := 'FAILED';
begin
  select * into job from jobs.jobs where id = p_job and attempt = p_attempt and status = 'IN_PROGRESS' for update;
  if not found then return 'LOST'; end if;
  if p_reason = 'RunnerLost' then
    if job.lease_until >= jobs.clock() then return 'KEEP'; end if;
    outcome := jobs.retry(p_job, p_attempt, p_error, null);
  else
    perform jobs.end_job(p_job, 'FAILED', null, p_error, 0, 0, null);
  end if;
  perform jobs.respond_now(p_job);
  return outcome;
end
$$;

grant execute on function jobs.settle_lost(bigint, integer, text, json) to dispatcher;
