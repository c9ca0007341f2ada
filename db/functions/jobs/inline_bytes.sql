-- Bytes that the inline part of a result takes in a response.
create or replace function jobs.inline_bytes(result json) returns integer language plpgsql immutable as $$
declare
  tail text := jobs.result_tail(result);
begin
  return case when tail is null
    then coalesce(octet_length(jobs.escape_noncharacters((result -> 'inline')::text)), 0)
    else octet_length(jobs.escape_noncharacters(result::text)) - octet_length('{"inline":') - octet_length(tail) end;
end
$$;
