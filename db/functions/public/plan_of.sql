-- Plans a SELECT as the calling role, which must be allowed to run it, without running it. The plan is EXPLAIN's JSON,
-- truncated to p_max_length characters. Error 42P11: more than one statement (a cursor takes only one).
create or replace function public.plan_of(p_statement text, p_max_length integer)
returns table (rows float8, width float8, cost float8, plan text, is_whole boolean) language plpgsql as $$
declare
  explained refcursor;
  plans json;
begin
  open explained for execute 'explain (format json) ' || p_statement;
  fetch explained into plans;
  close explained;
  return query select (plans #>> '{0,Plan,Plan Rows}')::float8, (plans #>> '{0,Plan,Plan Width}')::float8,
    (plans #>> '{0,Plan,Total Cost}')::float8, left(plans #>> '{0,Plan}', p_max_length), length(plans #>> '{0,Plan}') <= p_max_length;
end
$$;

grant execute on function public.plan_of(text, integer) to job_reader_plan;
