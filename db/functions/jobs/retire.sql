-- A run without work wants to end. False: something waits for it after all.
create or replace function jobs.retire(p_run uuid)
returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  with retired as (
    update jobs.runs r set state = 'RETIRING', seen_at = jobs.clock()
    where id = p_run and state = 'RUNNING'
      and not exists (
        select from jobs.jobs j where j.runner = r.runner and j.status = 'PENDING'
          and case when r.larger then j.larger_at <= jobs.clock() else j.not_before is null end)
    returning 1)
  select exists (select from retired)
$$;

grant execute on function jobs.retire(uuid) to job_keeper;
