-- Returns how many more jobs of a tenant may wait, given its maximum; at least p_wanted if all of them may. Far from
-- the maximum an upper bound is enough: the last count plus the ids that the job sequence has issued since. Closer to
-- it than `margin`, which allows for requests that are accepted concurrently, the waiting jobs are counted, up to the
-- maximum. A lock that is held until commit allows one counting transaction per tenant. After a tenant has reached a
-- maximum above the margin, it is not counted again for one second.
create or replace function jobs.waiting_capacity(p_tenant text, p_wanted integer, p_maximum integer)
returns integer language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  margin constant integer := 1000;
  upper_bound bigint;
  full_until timestamptz;
  sequence_now bigint := (select last_value from jobs.jobs_id_seq);
  waiting integer;
begin
  select c.waiting + sequence_now - c.sequence_value, c.full_until into upper_bound, full_until from jobs.waiting_counts c where c.tenant = p_tenant;
  if upper_bound + p_wanted <= p_maximum - margin then return p_wanted; end if;

  if full_until > jobs.clock() then return 0; end if;
  perform pg_advisory_xact_lock(hashtextextended(format('waiting jobs %s', p_tenant), 0));
  select last_value into sequence_now from jobs.jobs_id_seq;
  select count(*) into waiting from (
    select from jobs.jobs where runner in ('glue', 'ec2') and tenant = p_tenant and status = 'PENDING' limit p_maximum) w;
  if waiting >= p_maximum and p_maximum > margin then
    -- Counting so many jobs takes milliseconds: a caller that retries continuously must not cause a count each time.
    insert into jobs.waiting_counts (tenant, waiting, sequence_value, full_until)
    values (p_tenant, waiting, sequence_now, jobs.clock() + interval '1 second')
    on conflict on constraint waiting_counts_pkey do update
    set waiting = excluded.waiting, sequence_value = excluded.sequence_value, full_until = excluded.full_until;
  elsif waiting + p_wanted <= p_maximum - margin then
    insert into jobs.waiting_counts (tenant, waiting, sequence_value) values (p_tenant, waiting, sequence_now)
    on conflict on constraint waiting_counts_pkey do update
    set waiting = excluded.waiting, sequence_value = excluded.sequence_value, full_until = null;
  end if;
  return greatest(0, p_maximum - waiting);
end
$$;
