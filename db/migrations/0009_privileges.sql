-- Who may execute what: nothing is anybody's by default. 0005 meant so, but the default privileges of one schema cannot
-- take from public what Postgres gives it in every schema, so that each migration had to think of it. Those of all
-- schemas can: what the owner of our functions makes from here on is for those only whom its migration names.
set local role migrator;
alter default privileges for role migrator revoke execute on functions from public;
revoke execute on all functions in schema jobs, tracking from public;

-- A place's ports are for who reads prices. A trigger's function needs no privilege to fire; Postgres before 18 has none
-- of ours (0001).
grant execute on function public.ports_of(text) to api_reader, job_reader;
do $$
declare
  made regprocedure;
begin
  for made in
    select oid from pg_proc
    where pronamespace = 'public'::regnamespace and proname in ('ports_of', 'check_prices_ports', 'check_ports_unused')
  loop
    execute format('revoke execute on function %s from public', made);
  end loop;
end
$$;

reset role;
