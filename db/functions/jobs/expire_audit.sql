-- Deletes the oldest entries of the audit trail before a time, at most p_limit. Returns their number.
create or replace function jobs.expire_audit(p_before timestamptz, p_limit integer)
returns bigint language sql security definer set search_path = pg_catalog, pg_temp as $$
  with expired as (
    delete from jobs.audit where id in (select id from jobs.audit where at < p_before order by at limit p_limit) returning 1)
  select count(*) from expired
$$;

grant execute on function jobs.expire_audit(timestamptz, integer) to dispatcher;
