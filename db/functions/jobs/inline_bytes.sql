-- Bytes that the inline part of a result takes in a response.
create or replace function jobs.inline_bytes(result json) returns integer
language sql immutable as $$
  select coalesce(octet_length(replace(replace((result -> 'inline')::text, U&'\FFFE', '\ufffe'), U&'\FFFF', '\uffff')), 0)
$$;
