-- Makes a job's response due at once, because no run will send it.
create or replace function jobs.respond_now(p_job bigint) returns void language sql set search_path = pg_catalog, pg_temp as $$
  update jobs.jobs set due_at = jobs.clock() where id = p_job and due_at is not null
$$;
