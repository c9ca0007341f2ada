-- A result without its inline part, as a job keeps it.
create or replace function jobs.result_summary(result json) returns jsonb language plpgsql immutable as $$
declare
  tail text := jobs.result_tail(result);
begin
  return case when tail is null then result::jsonb - 'inline' else ('{' || substr(tail, 2))::jsonb end;
end
$$;
