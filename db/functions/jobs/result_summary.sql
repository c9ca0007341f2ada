-- A result without its inline part, as a job keeps it.
create or replace function jobs.result_summary(result json) returns jsonb language sql immutable as $$
  select case when tail is null then result::jsonb - 'inline' else ('{' || substr(tail, 2))::jsonb end
  from jobs.result_tail(result) as t(tail)
$$;
