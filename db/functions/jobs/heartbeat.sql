-- Extends the lease of a run's job and records progress. Returns KEEP (continue); CANCEL (a cancel was requested:
-- end the session, then report it by finish); or LOST (the run or the attempt no longer holds the job: stop and write
-- nothing).
create or replace function jobs.heartbeat(p_run uuid, p_job bigint, p_attempt integer, p_progress jsonb)
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  cancelled timestamptz;
begin
  update jobs.runs set seen_at = moment where id = p_run and state = 'RUNNING';
  if not found then return 'LOST'; end if;
  update jobs.jobs set lease_until = moment + make_interval(secs => lease_seconds),
    version = version + (progress <> p_progress)::integer, progress = p_progress,
    changed = case when progress <> p_progress then pg_current_xact_id() else changed end,
    changed_at = case when progress <> p_progress then moment else changed_at end
  where id = p_job and attempt = p_attempt and run_id = p_run and status = 'IN_PROGRESS'
  returning cancel_requested_at into cancelled;
  if not found then return 'LOST'; end if;
  return case when cancelled is null then 'KEEP' else 'CANCEL' end;
end
$$;

grant execute on function jobs.heartbeat(uuid, bigint, integer, jsonb) to job_keeper;
