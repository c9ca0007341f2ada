-- Returns a result without its inline rows: `{"format":…,"rows":…}`; null for a result without inline rows. Both
-- runners write `{"inline":…,"format":…,"rows":…}`. The end is extracted as text, because Postgres's JSON functions
-- raise an error for JSON that the type json accepts: \u0000, halves of surrogate pairs, numbers beyond numeric. The
-- last occurrence of the key is used, since rows may contain it too. A regular expression would take ten times as long.
create or replace function jobs.result_without_rows(result json) returns text language sql immutable as $$
  select case when left(result::text, 10) = '{"inline":' and right(result::text, 80) like '%,"format":"%","rows":%}'
    then '{' || right(result::text, strpos(reverse(right(result::text, 80)), reverse(',"format":"')) + 9) end
$$;
