-- Bounds an error for responses and documents: a message of 2,000 characters, details of 100 entries and 24 KiB. An
-- error whose JSON Postgres cannot process is replaced with a short one, so that the job still ends.
create or replace function jobs.bounded_error(error json) returns json
language plpgsql immutable as $$
begin
  if error is null then return null; end if;
  return json_build_object(
    'category', jobs.truncate_text(error ->> 'category', 20), 'type', jobs.truncate_text(error ->> 'type', 64),
    'message', jobs.truncate_text(error ->> 'message', 2000), 'retryable', coalesce(error ->> 'retryable', '') = 'true',
    'details', jobs.bounded_details(error -> 'details', 24576));
exception when data_exception then
  return json_build_object('category', 'Other', 'type', 'Internal', 'message', 'The error''s message could not be stored.',
    'retryable', false, 'details', json_build_array());
end
$$;
