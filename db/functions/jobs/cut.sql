-- Cuts text at a number of characters, the last of which is then an ellipsis. The two characters that SQS refuses, and
-- JSON and Postgres allow, become U+FFFD.
create or replace function jobs.cut(value text, most integer) returns text language sql immutable as $$
  select translate(case when char_length(value) <= most then value else left(value, most - 1) || '…' end, U&'\FFFE\FFFF', U&'\FFFD\FFFD')
$$;
