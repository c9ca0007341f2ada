-- Labels as responses and documents have them. Requests are refused with more than 12 KiB of them (runtime/contract/request.ts),
-- so only those of a refused request are ever cut: to 32, names of 64 characters and values of 32.
create or replace function jobs.bounded_labels(labels jsonb) returns jsonb
language sql immutable as $$
  select case
    when jsonb_typeof(labels) is distinct from 'object' then '{}'
    when octet_length(replace(replace(labels::text, U&'\FFFE', '\ufffe'), U&'\FFFF', '\uffff')) <= 12288 then labels
    else (
      select jsonb_object_agg(jobs.cut(key, 64), jobs.cut(value, 32))
      from (select key, value from jsonb_each_text(labels) order by key limit 32) e) end
$$;
