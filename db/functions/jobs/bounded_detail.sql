-- Bounds one entry of an error's details (runtime/contract/bounds.ts has the same limits): 10 fields, names of 100
-- characters, messages and reasons of 500, other values of 200. Nested values are converted to text. An entry of at
-- most 200 bytes is returned unchanged.
create or replace function jobs.bounded_detail(detail json) returns text
language sql immutable as $$
  select case
    when octet_length(detail::text) <= 200 and detail::text !~ U&'[\FFFE\FFFF]' then detail::text
    when json_typeof(detail) = 'object' then (
      select '{' || string_agg(to_json(jobs.truncate_text(key, 100)) || ':' || case
        when json_typeof(value) in ('object', 'array') or octet_length(value::text) > 100
          then to_json(jobs.truncate_text(case json_typeof(value) when 'string' then value #>> '{}' else value::text end,
                                case when key in ('message', 'reason') then 500 else 200 end))::text
        else translate(value::text, U&'\FFFE\FFFF', U&'\FFFD\FFFD') end, ',' order by n) || '}'
      from json_each(detail) with ordinality e(key, value, n) where n <= 10)
    else to_json(jobs.truncate_text(detail #>> '{}', 200))::text end
$$;
