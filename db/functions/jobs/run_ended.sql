-- Records that a run has ended: frees its slot, ends the lease of a job that it still held, and makes responses due
-- whose sending it did not record. If the run ended before it started (refused late, or its code cannot start), pauses
-- the runner type, since another run would end in the same way.
create or replace function jobs.run_ended(p_run uuid, p_outcome text)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  previous_state text;
  runner_type text;
begin
  select state, runner into previous_state, runner_type from jobs.runs where id = p_run and state <> 'ENDED' for update;
  if found then
    loop
      update jobs.jobs set due_at = jobs.clock() where id in (
        select j.id from jobs.pending_responses u join jobs.jobs j on j.id = u.job_id
        where u.run_id = p_run and j.due_at is null and j.sent_at is null order by j.id for update of j);
      exit when not found;
    end loop;
    update jobs.runs set state = 'ENDED', ended_at = jobs.clock(), outcome = p_outcome where id = p_run;
    if previous_state = 'STARTING' then perform jobs.pause(runner_type); end if;
    update jobs.jobs set lease_until = jobs.clock() where run_id = p_run and status = 'IN_PROGRESS' and lease_until > jobs.clock();
  end if;
end
$$;

grant execute on function jobs.run_ended(uuid, text) to dispatcher;
