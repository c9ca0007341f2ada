-- What follows the inline part of a result, from its comma on: `,"format":…,"rows":…}`; null for a result without one.
-- Both runners write `{"inline":…,"format":…,"rows":…}`. It is cut out as text, because Postgres's JSON functions raise an
-- error for JSON that the type json accepts: \u0000, halves of surrogate pairs, numbers beyond numeric.
create or replace function jobs.result_tail(result json) returns text language sql immutable as $$
  select case when left(result::text, 10) = '{"inline":' then substring(right(result::text, 80) from ',"format":"[a-z]+","rows":[0-9]+\}$') end
$$;
