-- Privileges of the roles on the public tables. The step `roles` (db/roles.ts) has created the roles.

-- Functions are executable only by the roles that their file in db/functions grants them to. The default privileges of
-- one schema cannot revoke what Postgres grants to PUBLIC in every schema, so the ones below are for all schemas.
alter default privileges for role migrator revoke execute on functions from public;

-- Trigger functions fire without the privilege to execute them. Before Postgres 18 none exist (0001).
do $$
declare
  trigger_function regprocedure;
begin
  for trigger_function in
    select oid from pg_proc
    where pronamespace = 'public'::regnamespace and proname in ('check_prices_ports', 'check_ports_unused')
  loop
    execute format('revoke execute on function %s from public', trigger_function);
  end loop;
end
$$;

grant usage on schema public to api_reader, price_readers, job_writer;
grant select on public.ports, public.regions, public.prices to api_reader, price_readers;
-- The dispatcher checks the places that requests name.
grant select on public.ports, public.regions to dispatcher;
grant select, insert, update, delete on public.ports, public.regions, public.prices to job_writer;
