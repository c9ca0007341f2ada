-- Fits a job's document into 64 KiB: truncates first the error's details, then the values of its task, and then removes
-- its labels.
create or replace function jobs.bounded_document(document jsonb) returns jsonb
language plpgsql immutable as $$
declare
  max_bytes constant integer := 65536;
  bounded jsonb := document;
begin
  -- A small document needs no exact measurement: a character takes at most six bytes of JSON text.
  if pg_column_size(bounded) * 6 <= max_bytes or octet_length(bounded::text) <= max_bytes then return bounded; end if;
  if bounded #> '{error,details}' is not null then
    bounded := jsonb_set(bounded, '{error,details}', jobs.bounded_details((bounded #> '{error,details}')::json, 8192)::jsonb);
    if octet_length(bounded::text) <= max_bytes then return bounded; end if;
  end if;
  bounded := jsonb_set(bounded, '{task}', (
    select jsonb_object_agg(key, case
      when octet_length(value::text) <= 4096 then value
      when jsonb_typeof(value) = 'object' then (
        select coalesce(jsonb_object_agg(jobs.truncate_text(name, 100), case when octet_length(inner_value::text) <= 200 then inner_value
          else to_jsonb(format('… (%s bytes)', octet_length(inner_value::text))) end), '{}')
        from (select * from jsonb_each(value) e(name, inner_value) order by name limit 20) inner_values)
      else to_jsonb(jobs.truncate_text(value #>> '{}', 4000)) end)
    from jsonb_each(bounded -> 'task')));
  if octet_length(bounded::text) <= max_bytes then return bounded; end if;
  return jsonb_set(bounded, '{labels}', '{}');
end
$$;

grant execute on function jobs.bounded_document(jsonb) to api_reader, dispatcher;
