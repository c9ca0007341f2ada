-- Ports, their regions, and prices: the tables of the original dump, with the platform's collations, constraints and
-- indexes. A database starts empty or with a loaded dump (which created these tables); both end with exactly the same
-- catalog.
create table if not exists public.regions (slug text not null, name text not null, parent_slug text);
create table if not exists public.ports (code text not null, name text not null, parent_slug text not null);
create table if not exists public.prices (orig_code text not null, dest_code text not null, day date not null, price integer not null);

-- The constraints of a dump are dropped here and added again below, so that both cases get the same definitions.
alter table public.prices
  drop constraint if exists prices_orig_code_fkey,
  drop constraint if exists prices_dest_code_fkey;
alter table public.ports
  drop constraint if exists ports_parent_slug_fkey,
  drop constraint if exists ports_pkey;
alter table public.regions
  drop constraint if exists regions_parent_slug_fkey,
  drop constraint if exists regions_pkey;

-- Codes and slugs are identifiers, so they are ordered by bytes. Comparing bytes instead of using the locale makes
-- sorts and index probes several times faster, and no upgrade of the system's locale data can break an index.
alter table public.regions
  alter column slug type text collate "C",
  alter column slug set not null,
  alter column name set not null,
  alter column parent_slug type text collate "C";
alter table public.ports
  alter column code type text collate "C",
  alter column code set not null,
  alter column name set not null,
  alter column parent_slug type text collate "C",
  alter column parent_slug set not null;
alter table public.prices
  alter column orig_code type text collate "C",
  alter column orig_code set not null,
  alter column dest_code type text collate "C",
  alter column dest_code set not null,
  alter column day set not null,
  alter column price set not null;

alter table public.regions
  add constraint regions_pkey primary key (slug),
  add constraint regions_parent_slug_fkey foreign key (parent_slug) references public.regions (slug);
alter table public.ports
  add constraint ports_pkey primary key (code),
  add constraint ports_parent_slug_fkey foreign key (parent_slug) references public.regions (slug);
alter table public.prices
  add constraint prices_price_check check (price > 0),
  add constraint prices_orig_code_fkey foreign key (orig_code) references public.ports (code),
  add constraint prices_dest_code_fkey foreign key (dest_code) references public.ports (code);

-- Contains all columns that GET /rates reads, for index-only scans.
create index prices_lane_day on public.prices (orig_code, dest_code, day) include (price);
-- To descend the tree of regions: to child regions, and to ports.
create index regions_parent_slug on public.regions (parent_slug);
create index ports_parent_slug on public.ports (parent_slug);

-- The foreign keys of prices. If Postgres enforces them, they fire two triggers per row: loading 1,000,000 rows took
-- 12.7 s with them and 4.05 s without. Enforcing them per statement costs 0.6 s: in Postgres 18 a foreign key can be
-- NOT ENFORCED (it stays in the catalog; the existing rows were checked when it was added above), and the triggers
-- below enforce it. Before Postgres 18 the plain foreign keys stay.
do $do$
begin
  if current_setting('server_version_num')::integer < 180000 then return; end if;

  execute $ddl$ alter table public.prices alter constraint prices_orig_code_fkey not enforced $ddl$;
  execute $ddl$ alter table public.prices alter constraint prices_dest_code_fkey not enforced $ddl$;

  -- After an INSERT (or COPY) into prices and an UPDATE of them: every port that the new rows name exists, and stays
  -- until this transaction ends. The key-share lock is the one that a plain foreign key takes: it waits for
  -- transactions that are deleting or renaming one of these ports, makes later ones wait, and blocks no others. Ports
  -- are locked in the order of their codes, so that two loads never deadlock. The locking query itself decides which
  -- ports exist: a separate query could also see ports that it has not locked.
  execute $ddl$
    create function public.check_prices_ports() returns trigger language plpgsql
    set search_path = pg_catalog, pg_temp as $$
    declare
      named text[];
      known text[];
      unknown text[];
    begin
      select array_agg(distinct code) into named
      from (select distinct orig_code, dest_code from written) lane, unnest(array[orig_code, dest_code]) code;
      if named is null then return null; end if;

      select array_agg(code) into known
      from (select code from public.ports where code = any (named) order by code for key share) locked;

      unknown := array(select unnest(named) except select unnest(known) order by 1);
      if cardinality(unknown) > 0 then
        raise foreign_key_violation using
          message = format('prices refer to %s unknown %s: %s%s', cardinality(unknown),
            case when cardinality(unknown) = 1 then 'port' else 'ports' end,
            array_to_string(unknown[:20], ', '), case when cardinality(unknown) > 20 then ', …' else '' end),
          hint = 'Load the ports first, or fix the codes.',
          schema = 'public', table = 'prices', constraint = case
            when exists (select from written where orig_code = any (unknown)) then 'prices_orig_code_fkey'
            else 'prices_dest_code_fkey' end;
      end if;
      return null;
    end
    $$
  $ddl$;
  execute $ddl$
    create trigger check_ports_of_inserted after insert on public.prices
    referencing new table as written for each statement execute function public.check_prices_ports()
  $ddl$;
  execute $ddl$
    create trigger check_ports_of_updated after update on public.prices
    referencing new table as written for each statement execute function public.check_prices_ports()
  $ddl$;

  -- After a DELETE from ports and an UPDATE of their codes: no price names a code that no longer exists. The statement
  -- has waited for every transaction that held a key-share lock on the port, and READ COMMITTED sees what those
  -- committed. An older snapshot would not, and SQL cannot read past its snapshot as a plain foreign key does: so other
  -- isolation levels are refused.
  execute $ddl$
    create function public.check_ports_unused() returns trigger language plpgsql
    set search_path = pg_catalog, pg_temp as $$
    declare
      gone text[];
      used text[];
    begin
      -- Codes that still exist after the statement, for example because an UPDATE did not change them, are not gone.
      select array_agg(code order by code) into gone
      from removed where not exists (select from public.ports port where port.code = removed.code);
      if gone is null then return null; end if;

      if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise feature_not_supported using
          message = 'ports can be deleted, and their codes changed, at READ COMMITTED only',
          hint = 'Begin the transaction with the isolation level READ COMMITTED.';
      end if;

      used := array(
        select orig_code from public.prices where orig_code = any (gone)
        union select dest_code from public.prices where dest_code = any (gone)
        order by 1);
      if cardinality(used) > 0 then
        raise foreign_key_violation using
          message = format('prices still refer to %s %s: %s%s', cardinality(used),
            case when cardinality(used) = 1 then 'port' else 'ports' end,
            array_to_string(used[:20], ', '), case when cardinality(used) > 20 then ', …' else '' end),
          hint = 'Delete their prices first.',
          schema = 'public', table = 'prices', constraint = case
            when exists (select from public.prices where orig_code = any (used)) then 'prices_orig_code_fkey'
            else 'prices_dest_code_fkey' end;
      end if;
      return null;
    end
    $$
  $ddl$;
  execute $ddl$
    create trigger check_deleted_unused after delete on public.ports
    referencing old table as removed for each statement execute function public.check_ports_unused()
  $ddl$;
  execute $ddl$
    create trigger check_renamed_unused after update on public.ports
    referencing old table as removed for each statement execute function public.check_ports_unused()
  $ddl$;
end
$do$;

-- Changing the column types discarded the planner's statistics of a dump.
analyze public.regions, public.ports, public.prices;
