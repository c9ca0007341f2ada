-- Ends a job as jobs.finish does, records which responses were sent meanwhile, and gives the run its next job. A busy
-- run thus needs one transaction per job. Returns one row. Its response is null if this attempt no longer holds the
-- job; `running` and `next` are `running` and `job` of jobs.next_claim.
create or replace function jobs.finish_and_claim(
  p_job bigint, p_attempt integer, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint,
  p_run uuid, p_pid integer, p_backend_start timestamptz, p_log text, p_sent bigint[], p_versions bigint[], p_messages text[])
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text, running boolean, next json)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended record;
  claimed record;
begin
  if cardinality(p_sent) > 0 then perform jobs.responses_sent(p_sent, p_versions, p_messages); end if;
  ended := jobs.end_job(p_job, p_status, p_result, p_error, p_rows, p_bytes, p_peak, p_attempt, p_run);
  if ended.response_id is not null then
    response_pk := p_job;
    response_id := ended.response_id;
    tenant := ended.tenant;
    request_id := ended.request_id;
    status := ended.status;
    response_version := ended.response_version;
    body := ended.body;
  end if;
  claimed := jobs.next_claim(p_run, p_pid, p_backend_start, p_log);
  running := claimed.running;
  next := claimed.job;
  return next;
end
$$;

grant execute on function jobs.finish_and_claim(bigint, integer, text, json, json, bigint, bigint, bigint, uuid, integer, timestamptz, text, bigint[], bigint[], text[]) to job_keeper;
