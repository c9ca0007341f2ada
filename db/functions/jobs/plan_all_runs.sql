-- If p_overflow is true, moves reads to EC2 (jobs.overflow); then decides for each runner type of p_plans which
-- runs to start (jobs.plan_runs), and returns them. The dispatcher plans all runner types with one call, and therefore
-- in one transaction.
-- p_plans: a JSON array of {runner, slots, version, startSeconds, silentSeconds, tenantSlots}.
create or replace function jobs.plan_all_runs(p_plans json, p_overflow boolean)
returns table (runner text, run uuid) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  plan record;
begin
  if p_overflow then
    perform jobs.overflow(glue.slots, ec2.slots, glue."tenantSlots", ec2."tenantSlots")
    from json_to_recordset(p_plans) as glue(runner text, slots integer, "tenantSlots" integer),
      json_to_recordset(p_plans) as ec2(runner text, slots integer, "tenantSlots" integer)
    where glue.runner = 'glue' and ec2.runner = 'ec2';
  end if;
  -- In the order in which jobs.overflow locks the runner types, so that two dispatchers cannot deadlock.
  for plan in
    select * from json_to_recordset(p_plans) as p(runner text, slots integer, version text, "startSeconds" integer,
      "silentSeconds" integer, "tenantSlots" integer)
    order by p.runner
  loop
    return query select plan.runner, planned
      from jobs.plan_runs(plan.runner, plan.slots, plan.version, plan."startSeconds", plan."silentSeconds", plan."tenantSlots") planned;
  end loop;
end
$$;

grant execute on function jobs.plan_all_runs(json, boolean) to dispatcher;
