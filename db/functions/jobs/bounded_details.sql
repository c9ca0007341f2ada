-- Bounds an error's details to 100 entries and most_bytes bytes. If entries are left out, a last entry {"more"} has
-- their number; an existing last entry of this kind is merged into it, with its fields `report` and `stopped`.
create or replace function jobs.bounded_details(details json, most_bytes integer) returns json
language plpgsql immutable as $$
declare
  max_entries constant integer := 100;
  total integer;
  listed integer := 0;
  size integer := 0;
  entries text[] := '{}';
  entry text;
  further json;
begin
  if details is null or json_typeof(details) <> 'array' then return '[]'; end if;
  total := json_array_length(details);
  if total > 0 and json_typeof(details -> -1) = 'object' and json_typeof(details -> -1 -> 'more') = 'number' then
    further := details -> -1;
    total := total - 1;
  end if;
  for entry in
    select jobs.bounded_detail(value) from json_array_elements(details) with ordinality e(value, n) where n <= least(total, max_entries) order by n
  loop
    size := size + octet_length(entry) + 1;
    exit when size > most_bytes;
    entries := entries || entry;
    listed := listed + 1;
  end loop;
  if further is not null or listed < total then
    entries := entries || json_strip_nulls(json_build_object(
      'more', coalesce((further ->> 'more')::numeric, 0) + total - listed,
      'report', case when octet_length((further -> 'report')::text) <= 2000 then further -> 'report' end,
      'stopped', case when octet_length((further -> 'stopped')::text) <= 500 then further -> 'stopped' end))::text;
  end if;
  return ('[' || array_to_string(entries, ',') || ']')::json;
end
$$;
