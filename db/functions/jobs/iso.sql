-- Formats a time like 2021-01-31T12:00:00.123Z. Stable, because to_char is: Postgres inlines a function only if its
-- body is not more volatile than declared.
create or replace function jobs.iso(at timestamptz) returns text language sql stable
  as $$ select to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

grant execute on function jobs.iso(timestamptz) to api_reader, dispatcher;
