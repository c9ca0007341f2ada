-- Escapes the two noncharacters in JSON text that JSON and Postgres allow and SQS refuses.
create or replace function jobs.escape_noncharacters(json_text text) returns text language sql immutable as $$
  select replace(replace(json_text, U&'\FFFE', '\ufffe'), U&'\FFFF', '\uffff')
$$;
