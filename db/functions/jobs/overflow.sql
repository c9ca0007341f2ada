-- Moves reads from Glue to EC2, up to EC2's free slots, while Glue can start no run: all its slots are taken, or AWS
-- refused to start more runs. Moves the reads that would be next, if they were created more than five seconds ago.
-- Returns their number.
-- p_glue_tenant_slots, p_ec2_tenant_slots: maximum running jobs per tenant and runner type (null: no maximum). A tenant
-- at its maximum on Glue waits for its own jobs, not for Glue; jobs of a tenant at its maximum on EC2 could not run
-- there.
create or replace function jobs.overflow(p_glue_slots integer, p_ec2_slots integer, p_glue_tenant_slots integer, p_ec2_tenant_slots integer)
returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  waited_since timestamptz := moment - interval '5 seconds';
  capacity integer;
  candidates bigint[];
  moved integer;
begin
  if not exists (select from jobs.jobs where runner = 'glue' and status = 'PENDING' and not_before is null and ec2_fallback
                 and created_at < waited_since) then return 0; end if;
  perform from jobs.runners order by runner for update;
  if (select paused_until from jobs.runners where runner = 'ec2') > moment then return 0; end if;
  if (select count(*) from jobs.runs where runner = 'glue' and state <> 'ENDED') < p_glue_slots
     and not coalesce((select paused_until > moment from jobs.runners where runner = 'glue'), false) then return 0; end if;
  select greatest(0, p_ec2_slots - count(*)) into capacity from jobs.jobs
  where runner = 'ec2' and (status = 'IN_PROGRESS' or status = 'PENDING');
  if capacity = 0 then return 0; end if;
  if p_glue_tenant_slots is null and p_ec2_tenant_slots is null then
    candidates := array(
      select id from jobs.jobs
      where runner = 'glue' and status = 'PENDING' and not_before is null and ec2_fallback and created_at < waited_since
      order by rank desc, created_at, id limit capacity for update skip locked);
  else
    candidates := array(
      with recursive waiting(tenant) as (
        (select tenant from jobs.jobs where runner = 'glue' and status = 'PENDING' order by tenant limit 1)
        union all
        select (select tenant from jobs.jobs where runner = 'glue' and status = 'PENDING' and tenant > w.tenant order by tenant limit 1)
        from waiting w where w.tenant is not null
      )
      select j.id from waiting w
      cross join lateral (
        select coalesce(p_ec2_tenant_slots, capacity) - count(*) as free from jobs.jobs t
        where p_ec2_tenant_slots is not null and t.tenant = w.tenant and t.runner = 'ec2' and (t.status = 'IN_PROGRESS' or t.status = 'PENDING')
      ) on_ec2
      cross join lateral (
        select t.id, t.rank, t.created_at from jobs.jobs t
        where t.runner = 'glue' and t.tenant = w.tenant and t.status = 'PENDING' and t.not_before is null and t.ec2_fallback and t.created_at < waited_since
        order by t.rank desc, t.created_at, t.id limit greatest(0, least(capacity, on_ec2.free))
      ) j
      where w.tenant is not null and jobs.free_tenant_slots('glue', w.tenant, p_glue_tenant_slots) > 0
      order by j.rank desc, j.created_at, j.id limit capacity);
  end if;
  with next as (
    select id from jobs.jobs where id = any (candidates) and runner = 'glue' and status = 'PENDING' order by id for update skip locked)
  update jobs.jobs set runner = 'ec2', version = version + 1, changed = pg_current_xact_id(), changed_at = moment where id in (select id from next);
  get diagnostics moved = row_count;
  if moved > 0 then perform pg_notify('jobs_waiting_ec2', ''); end if;
  return moved;
end
$$;

grant execute on function jobs.overflow(integer, integer, integer, integer) to dispatcher;
