-- Plans several SELECTs as the calling role, as public.plan_of does one, and returns how many bytes each is expected to
-- have: null for one that cannot be planned, whose run will say why.
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
      null; -- not query_canceled: the statement timeout holds for all of them
    end;
    return next expected;
  end loop;
end
$$;

grant execute on function public.bytes_of_plans(text[]) to job_reader_plan;
