-- Records which responses a run has sent, and gives it its next job (jobs.next_claim). Returns null if no job waits for
-- this run. Raises no_data_found (P0002) if the run is no longer running (retired, or recorded as ended): it must exit.
create or replace function jobs.claim(p_run uuid, p_pid integer, p_backend_start timestamptz, p_log text, p_sent bigint[], p_versions bigint[], p_messages text[])
returns json language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  claimed record;
  own_runner text;
begin
  if cardinality(p_sent) > 0 then perform jobs.responses_sent(p_sent, p_versions, p_messages); end if;
  claimed := jobs.next_claim(p_run, p_pid, p_backend_start, p_log);
  if not claimed.running then raise no_data_found using message = format('run %s is not running', p_run); end if;
  -- This run was idle, so others may be idle too: one is woken if further jobs wait.
  if claimed.job is not null then
    select runner into own_runner from jobs.runs where id = p_run;
    if exists (select from jobs.jobs where runner = own_runner and status = 'PENDING' and not_before is null) then
      perform jobs.wake_runs(own_runner, 1);
    end if;
  end if;
  return claimed.job;
end
$$;

grant execute on function jobs.claim(uuid, integer, timestamptz, text, bigint[], bigint[], text[]) to job_keeper;
