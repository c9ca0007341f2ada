-- The roles of the platform, one a part, each with the least it needs. They belong to the cluster, not to one
-- database, so they are made only where they are missing. No password is set here: on RDS services log in with IAM
-- tokens (rds_iam), elsewhere whoever runs the cluster gives them one.
do $$
declare
  part text;
begin
  foreach part in array array[
    'migrator',    -- owns every table and function
    'api_reader',  -- the HTTP API: reads prices and documents, accepts requests through functions
    'job_reader',  -- reads: prices only, in read-only transactions
    'job_writer',  -- updates: prices, ports and regions, and the fence of its own job
    'job_keeper',  -- a runner's second connection: claims, keeps and ends jobs, never touches prices
    'dispatcher',  -- accepts requests, starts runs, reaps and sweeps
    'canceller'    -- ends database sessions, and sees that they are gone
  ] loop
    begin
      execute format('create role %I login', part);
    exception when duplicate_object then null;
    end;
    if exists (select from pg_roles where rolname = 'rds_iam') then
      execute format('grant rds_iam to %I', part);
    end if;
  end loop;

  -- Who migrates (RDS's master user is no superuser) must belong to the owner of what it makes. Having created the role
  -- counts as membership from Postgres 16 on, but only to administer it.
  if current_user <> 'migrator' and not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant migrator to %I', current_user);
  end if;
  execute format('grant create, temporary on database %I to migrator', current_database());
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant temporary on database %I to job_writer', current_database());
end
$$;

revoke create on schema public from public;
grant usage, create on schema public to migrator;
grant usage on schema public to api_reader, job_reader, job_writer;

alter table public.ports owner to migrator;
alter table public.regions owner to migrator;
alter table public.prices owner to migrator;
alter table public.migrations owner to migrator;
do $$
declare
  made regprocedure;
begin
  for made in
    select oid from pg_proc
    where pronamespace = 'public'::regnamespace and proname in ('check_prices_ports', 'check_ports_unused')
  loop
    execute format('alter function %s owner to migrator', made);
    -- A trigger's function needs no privilege to run.
    execute format('revoke execute on function %s from public', made);
  end loop;
end
$$;

grant select on public.ports, public.regions, public.prices to api_reader, job_reader;
grant select, insert, update, delete on public.ports, public.regions, public.prices to job_writer;

-- Whoever accepts a read plans it as the role that will run it, to tell where it should; they do nothing else as that.
alter role api_reader noinherit;
alter role dispatcher noinherit;
grant job_reader to api_reader, dispatcher;

-- A session that only may see and signal others: state and query of foreign sessions are hidden from everybody else.
grant pg_read_all_stats, pg_signal_backend to canceller;

-- The second wall behind the grants; the transaction itself is the third (a setting alone can be lifted by SQL).
alter role job_reader set default_transaction_read_only = on;
alter role api_reader set default_transaction_read_only = off;

-- A session whose client vanished in mid-statement ends within ten seconds instead of at its next answer.
alter role job_reader set client_connection_check_interval = '10s';
alter role job_writer set client_connection_check_interval = '10s';
