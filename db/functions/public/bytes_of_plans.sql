-- Plans several SELECTs as the calling role, like public.plan_of, and returns the expected bytes of each result. Null:
-- the statement cannot be planned; the job that executes it will report the reason.
create or replace function public.bytes_of_plans(p_statements text[])
returns setof float8 language plpgsql as $$
declare
  explained refcursor;
  plans json;
  expected float8;
begin
  for at in 1 .. cardinality(p_statements) loop
    expected := null;
    begin
      open explained for execute 'explain (format json) ' || p_statements[at];
      fetch explained into plans;
      close explained;
      expected := (plans #>> '{0,Plan,Plan Rows}')::float8 * (plans #>> '{0,Plan,Plan Width}')::float8;
    exception when others then
      null; -- `others` does not include query_canceled, so the statement timeout ends the whole call
    end;
    return next expected;
  end loop;
end
$$;

grant execute on function public.bytes_of_plans(text[]) to job_reader_plan;
