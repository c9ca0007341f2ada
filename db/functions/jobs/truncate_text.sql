-- Truncates text to a number of characters, the last of which is then an ellipsis. The two noncharacters that SQS
-- refuses, although JSON and Postgres allow them, become U+FFFD.
create or replace function jobs.truncate_text(value text, max_length integer) returns text language sql immutable as $$
  select translate(case when char_length(value) <= max_length then value else left(value, max_length - 1) || '…' end, U&'\FFFE\FFFF', U&'\FFFD\FFFD')
$$;
