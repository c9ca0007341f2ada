-- A job's document in at most 64 KiB: where it has more, first the list of an error's details is shortened, then the texts
-- of its task, then its labels.
create or replace function jobs.fitted_document(document jsonb) returns jsonb
language plpgsql immutable as $$
declare
  most constant integer := 65536;
  fitted jsonb := document;
begin
  -- No character of JSON takes more than six bytes of text.
  if pg_column_size(fitted) * 6 <= most or octet_length(fitted::text) <= most then return fitted; end if;
  if fitted #> '{error,details}' is not null then
    fitted := jsonb_set(fitted, '{error,details}', jobs.bounded_details((fitted #> '{error,details}')::json, 8192)::jsonb);
    if octet_length(fitted::text) <= most then return fitted; end if;
  end if;
  fitted := jsonb_set(fitted, '{task}', (
    select jsonb_object_agg(key, case
      when octet_length(value::text) <= 4096 then value
      when jsonb_typeof(value) = 'object' then (
        select coalesce(jsonb_object_agg(jobs.cut(name, 100), case when octet_length(inner_value::text) <= 200 then inner_value
          else to_jsonb(format('… (%s bytes)', octet_length(inner_value::text))) end), '{}')
        from (select * from jsonb_each(value) e(name, inner_value) order by name limit 20) inner_values)
      else to_jsonb(jobs.cut(value #>> '{}', 4000)) end)
    from jsonb_each(fitted -> 'task')));
  if octet_length(fitted::text) <= most then return fitted; end if;
  return jsonb_set(fitted, '{labels}', '{}');
end
$$;

grant execute on function jobs.fitted_document(jsonb) to api_reader, dispatcher;
