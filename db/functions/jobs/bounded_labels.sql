-- Labels as responses and documents have them. Requests are refused with more than 12 KiB of them (runtime/contract/request.ts),
-- so only those of a refused request are ever cut: to 32, names of 64 characters and values of 32.
create or replace function jobs.bounded_labels(labels jsonb) returns jsonb
language plpgsql immutable as $$
begin
  if jsonb_typeof(labels) is distinct from 'object' then return '{}'; end if;
  -- Escaped, no character takes more than twice its bytes.
  if octet_length(labels::text) * 2 <= 12288 or octet_length(jobs.escape_noncharacters(labels::text)) <= 12288 then
    return labels;
  end if;
  return (
    select jsonb_object_agg(jobs.truncate_text(key, 64), jobs.truncate_text(value, 32))
    from (select key, value from jsonb_each_text(labels) order by key limit 32) e);
end
$$;
