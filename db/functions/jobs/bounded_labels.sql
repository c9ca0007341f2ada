-- Bounds labels for responses and documents. Requests with more than 12 KiB of labels are refused
-- (runtime/requests/parse.ts), so only labels of a refused request are ever truncated: to 32 labels with names of 64
-- characters and values of 32.
create or replace function jobs.bounded_labels(labels jsonb) returns jsonb
language plpgsql immutable as $$
begin
  if jsonb_typeof(labels) is distinct from 'object' then return '{}'; end if;
  -- An escape has at most twice the bytes of its character.
  if octet_length(labels::text) * 2 <= 12288 or octet_length(jobs.escape_noncharacters(labels::text)) <= 12288 then
    return labels;
  end if;
  return (
    select jsonb_object_agg(jobs.truncate_text(key, 64), jobs.truncate_text(value, 32))
    from (select key, value from jsonb_each_text(labels) order by key limit 32) e);
end
$$;
