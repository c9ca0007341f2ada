-- Hands reads that have waited for five seconds to EC2 runs, as far as those have room for them, while Glue has none: all
-- its slots are taken, or it was refused more. Of those that may run there the ones that would be next. Answers how many.
create or replace function jobs.overflow(p_glue_slots integer, p_ec2_slots integer)
returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  room integer;
  moved integer;
begin
  if not exists (select from jobs.jobs where runner = 'glue' and status = 'PENDING' and not_before is null and elsewhere
                 and created_at < moment - interval '5 seconds') then return 0; end if;
  perform from jobs.runners order by runner for update;
  if (select paused_until from jobs.runners where runner = 'ec2') > moment then return 0; end if;
  if (select count(*) from jobs.runs where runner = 'glue' and state <> 'ENDED') < p_glue_slots
     and not coalesce((select paused_until > moment from jobs.runners where runner = 'glue'), false) then return 0; end if;
  select p_ec2_slots - count(*) into room from jobs.jobs
  where runner = 'ec2' and (status = 'IN_PROGRESS' or status = 'PENDING');
  with next as (
    select id from jobs.jobs
    where runner = 'glue' and status = 'PENDING' and not_before is null and elsewhere and created_at < moment - interval '5 seconds'
    order by rank desc, created_at, id limit greatest(0, room) for update skip locked)
  update jobs.jobs set runner = 'ec2', version = version + 1, changed = pg_current_xact_id(), changed_at = moment where id in (select id from next);
  get diagnostics moved = row_count;
  if moved > 0 then perform pg_notify('jobs_waiting_ec2', ''); end if;
  return moved;
end
$$;

grant execute on function jobs.overflow(integer, integer) to dispatcher;
