-- Records the outcome of a batch of jobs.next_traces. Traces that were exported, or that the collector refused, are
-- deleted. If the collector failed, the batch stays due, and all exports pause: longer each time, up to five minutes.
create or replace function jobs.traces_exported(p_jobs bigint[], p_is_failed boolean)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_is_failed then
    update jobs.trace_pause set failures = failures + 1,
      paused_until = jobs.clock() + make_interval(secs => least(300, 2 ^ least(failures, 10)));
    update jobs.pending_traces set due_at = jobs.clock() where job_id in (
      select job_id from jobs.pending_traces where job_id = any (p_jobs) order by job_id for update);
    return;
  end if;
  delete from jobs.pending_traces where job_id in (
    select job_id from jobs.pending_traces where job_id = any (p_jobs) order by job_id for update);
  update jobs.trace_pause set failures = 0, paused_until = '-infinity' where failures > 0;
end
$$;

grant execute on function jobs.traces_exported(bigint[], boolean) to dispatcher;
