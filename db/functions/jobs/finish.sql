-- Ends a job only if this attempt still holds it (the fence), and stores its response. It is the last statement before
-- the COMMIT of an update. No row: another run may have the job, and the caller must ROLLBACK. The body is null if no
-- reply on the queue was requested.
create or replace function jobs.finish(p_job bigint, p_attempt integer, p_status text, p_result json, p_error json, p_rows bigint, p_bytes bigint, p_peak bigint)
returns table (response_pk bigint, response_id text, tenant text, request_id text, status text, response_version bigint, body text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended record := jobs.end_job(p_job, p_status, p_result, p_error, p_rows, p_bytes, p_peak, p_attempt);
begin
  if ended.response_id is null then return; end if;
  return query select p_job, ended.response_id, ended.tenant, ended.request_id, ended.status, ended.response_version, ended.body;
end
$$;

grant execute on function jobs.finish(bigint, integer, text, json, json, bigint, bigint, bigint) to job_keeper, job_writer;
