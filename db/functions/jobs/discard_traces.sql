-- Deletes at most p_limit pending traces, for a platform that exports no traces.
create or replace function jobs.discard_traces(p_limit integer)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from jobs.pending_traces where job_id in (
    select job_id from jobs.pending_traces order by due_at, job_id limit p_limit for update skip locked)
$$;

grant execute on function jobs.discard_traces(integer) to dispatcher;
